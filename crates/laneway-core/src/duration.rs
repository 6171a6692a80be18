//! Durations as people write them: `250ms`, `30s`, `1.5h`, `2m30s`.

use std::time::Duration;

use crate::error::{Code, Error};

const UNITS: [(&str, f64); 6] =
    [("us", 1e-6), ("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("h", 3_600.0), ("d", 86_400.0)];

/// The longest duration that is accepted: 100 years. Longer ones are typing mistakes.
pub const SECONDS_MAX: f64 = 100.0 * 365.25 * 86_400.0;

/// Reads a duration: one or more `<number><unit>` parts, the units being `us`, `ms`, `s`, `m`, `h`
/// and `d`.
///
/// # Errors
/// `LW1021` when the text is no duration.
pub fn parse(text: &str) -> Result<Duration, Error> {
    let mut rest = text.trim();
    let mut seconds = 0.0;
    if rest.is_empty() {
        return Err(malformed(text));
    }
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .filter(|&end| end > 0)
            .ok_or_else(|| malformed(text))?;
        let (number, tail) = rest.split_at(digits);
        let end = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
        let (unit, next) = tail.split_at(end);
        let number: f64 = number.parse().map_err(|_| malformed(text))?;
        let factor = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(|| malformed(text))?.1;
        seconds += number * factor;
        rest = next;
    }
    if seconds > SECONDS_MAX {
        return Err(malformed(text));
    }
    Ok(Duration::from_secs_f64(seconds))
}

/// Writes a duration with the largest unit that keeps it short, such as `250ms` or `1.5h`.
pub fn format(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    let (unit, factor) =
        UNITS.iter().rev().find(|(_, factor)| seconds >= *factor).copied().unwrap_or(("us", 1e-6));
    let rounded = (seconds / factor * 10.0).round() / 10.0;
    format!("{rounded}{unit}")
}

fn malformed(text: &str) -> Error {
    let error = Error::new(Code::InvalidSetting, format!("`{text}` is not a duration"))
        .why("a duration is one or more numbers with a unit: `us`, `ms`, `s`, `m`, `h`, `d`");
    match meant(text) {
        Some(meant) => error.fix(format!("did you mean `{meant}`?")),
        None => error.fix("write for example `250ms`, `30s`, `15m`, `1.5h` or `2m30s`"),
    }
}

/// The duration that a number in other words stands for, such as `30s` for `30 seconds`.
pub fn meant(text: &str) -> Option<String> {
    let text = text.trim().to_ascii_lowercase();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, word) = text.split_at(end);
    let word = word.trim();
    let unit = match word.strip_suffix('s').unwrap_or(word) {
        // A number alone, or with `s`.
        "" | "sec" | "second" => "s",
        "u" | "usec" | "microsecond" => "us",
        "m" if word == "ms" => "ms",
        "msec" | "milli" | "millisecond" => "ms",
        "m" | "min" | "minute" => "m",
        "h" | "hr" | "hour" => "h",
        "d" | "day" => "d",
        _ => return None,
    };
    let seconds = number.parse::<f64>().ok()? * UNITS.iter().find(|(name, _)| *name == unit)?.1;
    (seconds <= SECONDS_MAX).then(|| format!("{number}{unit}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_spellings_are_read() {
        for (text, millis) in [
            ("250ms", 250),
            ("30s", 30_000),
            ("0s", 0),
            ("1.5h", 5_400_000),
            ("2m30s", 150_000),
            (" 1d ", 86_400_000),
        ] {
            assert_eq!(parse(text).unwrap(), Duration::from_millis(millis), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused_with_a_code() {
        for text in ["", "s", "5", "5 parsecs", "-3s", "1..2s", "999999999d", "3s!"] {
            assert_eq!(parse(text).unwrap_err().code(), Code::InvalidSetting, "{text}");
        }
    }

    #[test]
    fn what_other_words_mean_is_offered_in_ours() {
        for (text, meant) in [
            ("30sec", Some("30s")),
            ("30 s", Some("30s")),
            ("5", Some("5s")),
            ("1.5 Hours", Some("1.5h")),
            ("200 ms", Some("200ms")),
            ("10minutes", Some("10m")),
            ("soon", None),
            ("5 parsecs", None),
            ("999999999d", None),
            ("-3s", None),
        ] {
            let remedy = parse(text).unwrap_err().remedy().to_owned();
            let expected = meant.map_or_else(
                || "write for example `250ms`, `30s`, `15m`, `1.5h` or `2m30s`".to_owned(),
                |meant| format!("did you mean `{meant}`?"),
            );
            assert_eq!(remedy, expected, "{text}");
        }
    }

    #[test]
    fn the_largest_fitting_unit_is_written() {
        for (millis, text) in [(250, "250ms"), (1_500, "1.5s"), (90_000, "1.5m"), (0, "0us")] {
            assert_eq!(format(Duration::from_millis(millis)), text);
        }
    }
}
