use proptest::prelude::*;

use super::*;

fn histogram(nanos: &[u64]) -> Histogram {
    let mut histogram = Histogram::default();
    for &value in nanos {
        histogram.record(Duration::from_nanos(value));
    }
    histogram
}

#[test]
fn an_empty_histogram_answers_with_zeros() {
    let empty = Histogram::default();
    assert_eq!((empty.count(), empty.mean()), (0, Duration::ZERO));
    assert_eq!((empty.quantile(0.5), empty.longest()), (Duration::ZERO, Duration::ZERO));
    assert_eq!((empty.log_deviation(), empty.relative_deviation()), (0.0, 0.0));
}

#[test]
fn a_typical_task_takes_few_bytes() {
    let values: Vec<u64> = (0..10_000).map(|i| 20_000_000 + i * 1_000).collect();
    let encoded = rmp_serde::to_vec(&histogram(&values)).unwrap();
    assert!(encoded.len() < 64, "{} bytes", encoded.len());
}

#[test]
fn moments_of_the_logarithm_are_those_of_the_values() {
    let histogram = histogram(&[1_000_000, 2_718_282, 7_389_056]);
    assert!((histogram.log_mean() - (1_000_000_f64.ln() + 1.0)).abs() < 1e-5);
    assert!((histogram.log_deviation() - 1.0).abs() < 1e-3);
}

#[test]
fn bytes_that_are_no_histogram_are_refused() {
    for bytes in [&[][..], &[1, 2, 3], &[0xff; 11], &[0, 0, 0, 0, 0, 5, 1, 0, 1], &[0; 6]] {
        let encoded = rmp_serde::to_vec(serde_bytes::Bytes::new(bytes)).unwrap();
        assert!(rmp_serde::from_slice::<Histogram>(&encoded).is_err(), "{bytes:?}");
    }
}

fn values() -> impl Strategy<Value = Vec<u64>> {
    let value = (0_u32..64, any::<u64>()).prop_map(|(bits, raw)| raw >> bits);
    prop::collection::vec(value, 0..200)
}

proptest! {
    #[test]
    fn a_bucket_represents_its_values_within_the_relative_error(
        value in any::<u64>(),
        bits in 0_u32..64,
    ) {
        let value = value >> bits;
        let bucket = bucket_of(value);
        prop_assert!(bucket <= BUCKET_LAST);
        let error = nanos::approximate(representative(bucket).abs_diff(value));
        prop_assert!(error <= nanos::approximate(value) * (RELATIVE_ERROR + 1e-12) + 1.0);
    }

    #[test]
    fn buckets_keep_the_order_of_values(a in any::<u64>(), b in any::<u64>()) {
        let (low, high) = (a.min(b), a.max(b));
        prop_assert!(bucket_of(low) <= bucket_of(high));
    }

    #[test]
    fn the_order_of_merges_does_not_matter(a in values(), b in values(), c in values()) {
        let (one, two, three) = (histogram(&a), histogram(&b), histogram(&c));
        let mut left = one.clone();
        left.merge(&two);
        left.merge(&three);
        let mut right = three;
        right.merge(&one);
        right.merge(&two);
        prop_assert_eq!(&left, &right);
        prop_assert_eq!(&left, &histogram(&[a, b, c].concat()));
    }

    #[test]
    fn a_histogram_survives_its_encoding(values in values()) {
        let histogram = histogram(&values);
        let encoded = rmp_serde::to_vec(&histogram).unwrap();
        prop_assert_eq!(rmp_serde::from_slice::<Histogram>(&encoded).unwrap(), histogram);
    }

    #[test]
    fn upper_quantiles_are_those_of_the_sorted_values(
        mut values in prop::collection::vec(1_000_u64..4_000_000_000, 1..60),
        share in 0.5..1.0_f64,
    ) {
        let seen = nanos::of(histogram(&values).quantile(share));
        values.sort_unstable();
        let total = nanos::approximate(values.len() as u64);
        let below = |rank: &u64| nanos::approximate(*rank) < share * total;
        let rank = (1..values.len() as u64).filter(below).count();
        let exact = values[rank];
        let error = nanos::approximate(seen.abs_diff(exact));
        prop_assert!(error <= nanos::approximate(exact) * RELATIVE_ERROR + 1.0);
    }
}

#[test]
fn the_logarithms_of_the_floor_are_what_would_be_computed() {
    let logarithm = nanos::approximate(LOGARITHM_FLOOR_NANOS).ln();
    assert_eq!(LOGARITHMS_OF_FLOOR, (fixed(logarithm), fixed(logarithm * logarithm)));
    let just_above = logarithms(LOGARITHM_FLOOR_NANOS + 1);
    assert!(just_above.0 > LOGARITHMS_OF_FLOOR.0 && just_above.1 > LOGARITHMS_OF_FLOOR.1);
}
