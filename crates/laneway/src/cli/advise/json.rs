//! Advice as JSON objects. Durations are in milliseconds, under names that end so.

use std::path::Path;
use std::time::Duration;

use laneway_core::error::{Code, Error};
use laneway_core::profile::{Histogram, Profile, Site, SizeBucket};
use laneway_core::verdict::{Calibration, Mobility, SizeAdvice};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::edit::Edit;
use super::headline::headline;
use super::survey::{Case, seen};
use super::trace::trace;
use crate::view::{lane_move, millis, rfc3339};

/// The verdict on a task.
pub(in crate::cli) fn advice(case: &Case, folder: &Path) -> Result<Value, Error> {
    let advice = &case.advice;
    let mut object = Map::new();
    object.insert("task".to_owned(), json!(advice.task.as_str()));
    object.insert("application".to_owned(), json!(case.application));
    object.insert("sentence".to_owned(), json!(headline(case, folder)));
    object.insert("has_change".to_owned(), json!(case.level().has_change()));
    if let Value::Object(fields) = encoded(advice)? {
        object.extend(fields);
    }
    let texts = advice.turning_points.iter().map(ToString::to_string);
    if let Some(Value::Array(points)) = object.get_mut("turning_points") {
        for (point, text) in points.iter_mut().filter_map(Value::as_object_mut).zip(texts) {
            point.insert("text".to_owned(), json!(text));
        }
    }
    let doubts =
        advice.doubts.iter().map(|doubt| json!({ "doubt": doubt, "text": doubt.as_str() }));
    object.insert("doubts".to_owned(), doubts.collect());
    object.insert("site".to_owned(), advice.site.as_ref().map(site).into());
    let sizes = advice.by_size.iter().map(size_advice).collect::<Result<_, _>>()?;
    object.insert("by_size".to_owned(), Value::Array(sizes));
    object.insert("edit".to_owned(), encoded(&Edit::of(case, folder))?);
    object.insert("delayed_by".to_owned(), encoded(&case.delay)?);
    let moves = case.moves().into_iter().map(|(bucket, event)| {
        let mut view = lane_move(event);
        if let Some(view) = view.as_object_mut() {
            view.insert("size_bucket".to_owned(), size(bucket));
        }
        view
    });
    object.insert("moves".to_owned(), moves.collect());
    let mobility = match &case.facts.mobility {
        None => Value::Null,
        Some(Mobility::Movable) => json!({ "is_movable": true, "why": null }),
        Some(Mobility::Held { why }) => json!({ "is_movable": false, "why": why }),
    };
    object.insert("auto".to_owned(), mobility);
    object.insert("is_calibrated".to_owned(), json!(case.is_calibrated));
    Ok(Value::Object(object))
}

/// The verdict, with everything that it was made from.
pub(super) fn explanation(case: &Case, folder: &Path) -> Result<Value, Error> {
    let mut object = advice(case, folder)?;
    let rules = trace(case)
        .iter()
        .map(|step| {
            Ok(json!({
                "rule": step.entry.rule,
                "name": step.entry.name,
                "condition": step.entry.condition,
                "advice": step.entry.advice,
                "outcome": step.outcome,
                "compared": encoded(&step.comparisons)?,
            }))
        })
        .collect::<Result<Vec<_>, Error>>()?;
    if let Some(fields) = object.as_object_mut() {
        fields.insert("facts".to_owned(), encoded(&case.facts)?);
        fields.insert("rules".to_owned(), Value::Array(rules));
        fields.insert("profiles".to_owned(), seen(&case.profiles).iter().map(profile).collect());
        fields.insert("calibration".to_owned(), calibration(&case.calibration)?);
    }
    Ok(object)
}

fn calibration(calibration: &Calibration) -> Result<Value, Error> {
    encoded(calibration)
}

fn size_advice(advice: &SizeAdvice) -> Result<Value, Error> {
    let mut object = encoded(advice)?;
    if let Some(fields) = object.as_object_mut() {
        fields.insert("size_bucket".to_owned(), size(advice.size_bucket));
    }
    Ok(object)
}

fn size(bucket: SizeBucket) -> Value {
    json!({ "bytes_min": bucket.bytes_min(), "bytes_max": bucket.bytes_max() })
}

fn site(site: &Site) -> Value {
    json!({
        "file": site.place.file,
        "line": site.place.line,
        "function": site.place.function,
        "blockage": site.blockage,
        "count": site.count,
        "total_ms": millis(site.total),
        "longest_ms": millis(site.longest),
        "gil_held": site.gil_held,
        "stack": site.stack,
    })
}

fn profile(profile: &Profile) -> Value {
    let errors: Map<String, Value> =
        profile.errors.iter().map(|(kind, count)| (kind.to_owned(), json!(count))).collect();
    json!({
        "lane": profile.key.lane.as_str(),
        "size_bucket": size(profile.key.size_bucket),
        "interpreter": profile.key.interpreter.as_str(),
        "runs": profile.runs(),
        "errors_count": profile.errors_count,
        "errors": errors,
        "first_at": profile.first_at.map(rfc3339),
        "last_at": profile.last_at.map(rfc3339),
        "wall": histogram(&profile.wall),
        "cpu": histogram(&profile.cpu),
        "blocked": histogram(&profile.blocked),
        "awaited": histogram(&profile.awaited),
        "run_delay": histogram(&profile.run_delay),
        "step_max": histogram(&profile.step_max),
        "encode": histogram(&profile.encode),
        "wait": histogram(&profile.wait),
        "args_bytes": profile.args_bytes,
        "result_bytes": profile.result_bytes,
        "cores_used": profile.occupancy.cores_used(),
        "sites": profile.sites.iter().map(site).collect::<Vec<_>>(),
    })
}

fn histogram(histogram: &Histogram) -> Value {
    let at = |share| millis(histogram.quantile(share));
    json!({
        "count": histogram.count(),
        "sum_ms": millis(histogram.sum()),
        "mean_ms": millis(histogram.mean()),
        "p50_ms": at(0.5),
        "p90_ms": at(0.9),
        "p95_ms": at(0.95),
        "p99_ms": at(0.99),
        "longest_ms": millis(histogram.longest()),
    })
}

/// A value as it serialises, with durations in milliseconds.
fn encoded(value: &impl Serialize) -> Result<Value, Error> {
    let value = serde_json::to_value(value).map_err(|error| {
        Error::new(Code::Internal, "an advice cannot be written as JSON").why(error.to_string())
    })?;
    Ok(in_millis(value))
}

/// Gives the pairs of seconds and nanoseconds, as durations serialise, one number and a name that
/// tells its unit.
fn in_millis(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(in_millis).collect(),
        Value::Object(fields) => {
            let named = |(name, value): (String, Value)| match duration(&value) {
                Some(duration) => (format!("{name}_ms"), json!(millis(duration))),
                None => (name, in_millis(value)),
            };
            fields.into_iter().map(named).collect::<Map<_, _>>().into()
        }
        other => other,
    }
}

fn duration(value: &Value) -> Option<Duration> {
    let fields = value.as_object().filter(|fields| fields.len() == 2)?;
    let nanos = u32::try_from(fields.get("nanos")?.as_u64()?).ok()?;
    Some(Duration::new(fields.get("secs")?.as_u64()?, nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_become_milliseconds_wherever_they_stand() {
        #[derive(Serialize)]
        struct Inner {
            mean: Duration,
            rate: f64,
        }
        let value = encoded(&vec![Inner { mean: Duration::from_micros(1_500), rate: 0.5 }]);
        assert_eq!(value.unwrap(), json!([{ "mean_ms": 1.5, "rate": 0.5 }]));
    }
}
