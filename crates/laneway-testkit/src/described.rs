//! How other programs describe jobs: what a store on a server must take and what it must refuse.
//!
//! A server's own functions, in SQL or Lua, decide whether they add a job; workers in Rust read it.
//! These tables say what Rust reads, and a test beside each shows that they do.

/// A text that is or is not the name of a task or queue.
#[derive(Debug, Clone)]
pub struct Name {
    /// The text.
    pub text: String,
    /// Whether it is a name.
    pub is_good: bool,
}

/// Texts with whatever is odd in Unicode, and of all lengths that matter.
pub fn names() -> Vec<Name> {
    let good = [
        "a",
        "shop.mail",
        "a b",
        "café",
        "\u{4e2d}\u{6587}",
        "a\u{a0}b",
        "\u{1f680}",
        "\u{200b}a\u{200b}",
        "\u{feff}a",
        "e\u{301}",
        "'; DROP TABLE job; --",
        "a\\n{}[]\"",
        "%s$1",
        "\u{202e}abc",
    ];
    let bad = [
        "",
        " ",
        " a",
        "a ",
        "a\n",
        "a\tb",
        "a\u{7f}b",
        "\u{85}a",
        "a\u{9f}b",
        "a\u{80}",
        "\u{a0}a",
        "a\u{1680}",
        "\u{2000}a",
        "a\u{200a}",
        "a\u{2028}",
        "\u{2029}a",
        "a\u{202f}",
        "\u{205f}a",
        "a\u{3000}",
        "\u{3000}",
        "a\u{1}b",
    ];
    let name = |text: &str, is_good| Name { text: text.to_owned(), is_good };
    let mut names: Vec<_> = good.into_iter().map(|text| name(text, true)).collect();
    names.extend(bad.into_iter().map(|text| name(text, false)));
    for (unit, bytes) in [("x", 1), ("é", 2), ("\u{4e2d}", 3), ("\u{1f680}", 4)] {
        names.push(name(&unit.repeat(200 / bytes), true));
        names.push(name(&unit.repeat(200 / bytes + 1), false));
    }
    names
}

/// A number of a description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// Of a lane, from 0 to 2.
    Lane,
    /// A priority.
    Priority,
    /// Interruptions after which a job fails.
    InterruptsMax,
    /// Starts of a rate.
    Count,
    /// The time of a rate in microseconds, for 25 starts.
    Per,
    /// Starts of a rate at once.
    Burst,
}

/// A number as JSON writes it, and whether a field can be it.
#[derive(Debug, Clone, Copy)]
pub struct Number {
    /// Which.
    pub field: Field,
    /// The number.
    pub text: &'static str,
    /// Whether workers can read a job with it.
    pub is_good: bool,
}

/// Numbers that are negative, too large, or no whole ones, and those just within the bounds.
pub fn numbers() -> Vec<Number> {
    let table: [(Field, &[&'static str], &[&'static str]); 6] = [
        (Field::Lane, &["0", "1", "2"], &["-1", "3", "0.5", "256", "4294967296"]),
        (Field::Priority, &["-100", "0", "100"], &["-101", "101", "127", "-128", "0.5", "1e300"]),
        (Field::InterruptsMax, &["0", "1", "4294967295"], &["-1", "4294967296", "1.5"]),
        (Field::Count, &["1", "1000000"], &["0", "-1", "4294967296", "2.5", "1000001"]),
        (Field::Per, &["25", "1000000"], &["0", "-5", "24", "0.5"]),
        (Field::Burst, &["1", "4294967295"], &["0", "-1", "4294967296", "1.5"]),
    ];
    let mut numbers = Vec::new();
    for (field, good, bad) in table {
        numbers.extend(good.iter().map(|&text| Number { field, text, is_good: true }));
        numbers.extend(bad.iter().map(|&text| Number { field, text, is_good: false }));
    }
    numbers
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use laneway_core::job::{Lane, Priority, QueueName, TaskName};
    use laneway_core::limit::Rate;

    use super::*;

    #[test]
    fn the_names_are_good_and_bad_as_the_core_says() {
        for Name { text, is_good } in names() {
            assert_eq!(TaskName::new(&text).is_ok(), is_good, "{text:?}");
            assert_eq!(QueueName::new(&text).is_ok(), is_good, "{text:?}");
        }
    }

    #[test]
    fn the_numbers_are_good_and_bad_as_the_core_says() {
        let rate = |count, micros, burst| Rate::new(count, Duration::from_micros(micros), burst);
        for Number { field, text, is_good } in numbers() {
            let can_be = match field {
                Field::Lane => text.parse().is_ok_and(|lane: usize| lane < Lane::ALL.len()),
                Field::Priority => text.parse().is_ok_and(|text| Priority::new(text).is_ok()),
                Field::InterruptsMax => text.parse::<u32>().is_ok(),
                Field::Count => text.parse().is_ok_and(|text| rate(text, 1_000_000, 1).is_ok()),
                Field::Per => text.parse().is_ok_and(|text| rate(25, text, 1).is_ok()),
                Field::Burst => text.parse().is_ok_and(|text| rate(1, 1_000_000, text).is_ok()),
            };
            assert_eq!(can_be, is_good, "{field:?} {text}");
        }
    }
}
