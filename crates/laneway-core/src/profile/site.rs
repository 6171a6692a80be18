//! Where a task blocked: the lines of code that the watchdog found at work.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::nanos;

/// The most sites that a profile keeps: those with the most time.
pub const SITES_MAX: usize = 5;
/// The longest kept path of a file, in bytes; the end of a path tells more than its start.
pub const FILE_BYTES_MAX: usize = 120;
/// The longest kept name of a function, in bytes.
pub const FUNCTION_BYTES_MAX: usize = 80;
/// The longest kept sample stack, in bytes; the innermost frames are at its end.
pub const STACK_BYTES_MAX: usize = 376;

/// What kept a loop or thread from going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Blockage {
    /// It computed.
    Cpu,
    /// It waited in a blocking call.
    Call,
    /// It waited for another thread to release the GIL.
    Gil,
    /// It waited for a core: the host was starved, and the code is not to blame.
    Starved,
}

impl Blockage {
    /// Every class.
    pub const ALL: [Self; 4] = [Self::Cpu, Self::Call, Self::Gil, Self::Starved];

    /// The class's name in every output and store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Call => "call",
            Self::Gil => "gil",
            Self::Starved => "starved",
        }
    }
}

/// A line of code.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The file's path, its end when it is long.
    pub file: String,
    /// The line's number, from 1.
    pub line: u32,
    /// The function's qualified name.
    pub function: String,
}

impl Place {
    /// A place with bounded texts.
    pub fn new(file: &str, line: u32, function: &str) -> Self {
        Self {
            file: tail(file, FILE_BYTES_MAX).to_owned(),
            line,
            function: tail(function, FUNCTION_BYTES_MAX).to_owned(),
        }
    }
}

/// A place that blocked, in one way, and how much.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// The line.
    pub place: Place,
    /// What it did.
    pub blockage: Blockage,
    /// How often it was seen.
    pub count: u64,
    /// Its time in all.
    #[serde(with = "nanos")]
    pub total: Duration,
    /// Its longest time.
    #[serde(with = "nanos")]
    pub longest: Duration,
    /// The Python stack of that longest time, outermost frame first.
    pub stack: String,
    /// Whether the GIL was held then; `None` where it could not be told.
    pub gil_held: Option<bool>,
}

impl Site {
    /// A place that blocked once, for so long.
    pub fn new(place: Place, blockage: Blockage, duration: Duration) -> Self {
        Self {
            place,
            blockage,
            count: 1,
            total: duration,
            longest: duration,
            stack: String::new(),
            gil_held: None,
        }
    }

    /// With the stack that was seen, shortened to its innermost frames.
    #[must_use]
    pub fn with_stack(mut self, stack: &str, gil_held: Option<bool>) -> Self {
        whole_frames(stack).clone_into(&mut self.stack);
        self.gil_held = gil_held;
        self
    }

    fn is_at(&self, other: &Self) -> bool {
        self.place == other.place && self.blockage == other.blockage
    }

    /// Adds what was seen of the same place. The stack is that of the longest time; equal times are
    /// told apart by the text, so that the order of merges does not matter.
    fn add(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        self.total = self.total.saturating_add(other.total);
        if (other.longest, &other.stack, other.gil_held)
            > (self.longest, &self.stack, self.gil_held)
        {
            self.longest = other.longest;
            self.stack.clone_from(&other.stack);
            self.gil_held = other.gil_held;
        }
    }
}

/// The [`SITES_MAX`] places with the most time, that with the most first.
///
/// While no place had to be dropped, the order of merges does not matter; after that the list is a
/// sample, and its counts are lower bounds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sites(Vec<Site>);

impl Sites {
    /// Adds what was seen at one place.
    pub fn record(&mut self, site: &Site) {
        match self.0.iter_mut().find(|seen| seen.is_at(site)) {
            Some(seen) => seen.add(site),
            None => self.0.push(bounded(site)),
        }
        self.0.sort_by(|a, b| {
            b.total
                .cmp(&a.total)
                .then_with(|| a.place.cmp(&b.place))
                .then_with(|| a.blockage.cmp(&b.blockage))
        });
        self.0.truncate(SITES_MAX);
    }

    /// Adds what another list saw.
    pub fn merge(&mut self, other: &Self) {
        // All are added before any is dropped: dropping in between would favour early ones.
        let mut all = Self(std::mem::take(&mut self.0));
        for site in &other.0 {
            match all.0.iter_mut().find(|seen| seen.is_at(site)) {
                Some(seen) => seen.add(site),
                None => all.0.push(bounded(site)),
            }
        }
        if let Some(last) = all.0.pop() {
            all.record(&last);
        }
        self.0 = all.0;
    }

    /// The places, that with the most time first.
    pub fn iter(&self) -> impl Iterator<Item = &Site> {
        self.0.iter()
    }

    /// The time of all places of one class.
    pub fn total(&self, blockage: Blockage) -> Duration {
        let of_class = self.0.iter().filter(|site| site.blockage == blockage);
        of_class.fold(Duration::ZERO, |sum, site| sum.saturating_add(site.total))
    }

    /// The place of one of these classes with the most time.
    pub fn worst(&self, classes: &[Blockage]) -> Option<&Site> {
        self.0.iter().find(|site| classes.contains(&site.blockage))
    }
}

/// The fields are public, so the bounds are kept where a site enters a profile.
fn bounded(site: &Site) -> Site {
    let place = Place::new(&site.place.file, site.place.line, &site.place.function);
    Site { place, ..site.clone() }.with_stack(&site.stack, site.gil_held)
}

/// The innermost frames of a stack, a line each: as many as fit. Of a single one that does not, the
/// end.
fn whole_frames(stack: &str) -> &str {
    let kept = tail(stack, STACK_BYTES_MAX);
    let is_cut = kept.len() < stack.len()
        && !stack.get(..stack.len() - kept.len()).is_some_and(|left| left.ends_with('\n'));
    match kept.split_once('\n') {
        Some((_, whole)) if is_cut => whole,
        _ => kept,
    }
}

/// The last `bytes_max` bytes of a text, cut between characters.
pub(super) fn tail(text: &str, bytes_max: usize) -> &str {
    let start = text.len().saturating_sub(bytes_max);
    let start = (start..=text.len()).find(|&at| text.is_char_boundary(at)).unwrap_or(start);
    text.get(start..).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn site(line: u32, millis: u64) -> Site {
        let place = Place::new("shop/tasks.py", line, "charge");
        Site::new(place, Blockage::Call, Duration::from_millis(millis))
            .with_stack(&format!("charge, line {line}, {millis} ms"), Some(false))
    }

    #[test]
    fn a_place_seen_twice_is_one_site_with_the_stack_of_its_longest_time() {
        let mut sites = Sites::default();
        for millis in [60, 250, 80] {
            sites.record(&site(7, millis));
        }
        let seen = sites.iter().next().unwrap();
        assert_eq!((seen.count, seen.total), (3, Duration::from_millis(390)));
        assert_eq!(seen.stack, "charge, line 7, 250 ms");
        assert_eq!(sites.iter().count(), 1);
    }

    #[test]
    fn the_places_with_the_most_time_are_kept() {
        let mut sites = Sites::default();
        for line in 1..=20 {
            sites.record(&site(line, u64::from(line) * 10));
        }
        let lines: Vec<_> = sites.iter().map(|site| site.place.line).collect();
        assert_eq!(lines, [20, 19, 18, 17, 16]);
    }

    #[test]
    fn a_long_stack_is_cut_between_frames() {
        let frame = |number: usize| format!("/srv/shop/{}/tasks.py:{number} pay", "d".repeat(90));
        let frames = |from: usize| (from..9).map(frame).collect::<Vec<_>>().join("\n");
        assert_eq!(site(1, 1).with_stack(&frames(0), None).stack, frames(6));
        let exact = frames(6);
        let longer = format!("{}\n{exact}", "x".repeat(STACK_BYTES_MAX - exact.len() - 1));
        assert_eq!(site(1, 1).with_stack(&longer, None).stack, longer);
        let cut = format!("head\n{longer}");
        assert_eq!(site(1, 1).with_stack(&cut, None).stack, longer);
        let single = "y".repeat(STACK_BYTES_MAX + 7);
        assert_eq!(site(1, 1).with_stack(&single, None).stack.len(), STACK_BYTES_MAX);
    }

    #[test]
    fn a_long_text_keeps_its_end_and_is_cut_between_characters() {
        assert_eq!(tail("größe", 4), "ße");
        assert_eq!(tail("kurz", 40), "kurz");
    }

    proptest! {
        #[test]
        fn the_order_of_merges_does_not_matter_while_all_places_fit(
            seen in prop::collection::vec((1_u32..=5, 1_u64..100), 0..40),
            cut in 0_usize..40,
        ) {
            let (left, right) = seen.split_at(cut.min(seen.len()));
            let collect = |seen: &[(u32, u64)]| {
                let mut sites = Sites::default();
                for &(line, millis) in seen {
                    sites.record(&site(line, millis));
                }
                sites
            };
            let (mut one, mut two) = (collect(left), collect(right));
            two.merge(&one.clone());
            one.merge(&collect(right));
            prop_assert_eq!(&one, &two);
            prop_assert_eq!(&one, &collect(&seen));
        }
    }
}
