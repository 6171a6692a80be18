//! Every number that the verdict depends on, in one table, with its reason and its source.
//!
//! "Measured" means: on a two-core guest with `CPython` 3.11 to 3.13, in the notes behind
//! Laneway's design; the others are cited.

use serde::Serialize;

/// A number that the verdict depends on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Threshold {
    /// Its name in the code.
    pub name: &'static str,
    /// Its value.
    pub value: f64,
    /// Its unit; empty for a count or a ratio.
    pub unit: &'static str,
    /// What it is for, and why it is not another number.
    pub reason: &'static str,
    /// Where the number comes from.
    pub source: &'static str,
}

macro_rules! thresholds {
    ($($name:ident = $value:literal $unit:literal, $reason:literal, $source:literal;)+) => {
        $(pub(super) const $name: f64 = $value;)+

        /// All thresholds, for the documentation and for whoever asks why.
        pub const THRESHOLDS: &[Threshold] = &[$(Threshold {
            name: stringify!($name),
            value: $value,
            unit: $unit,
            reason: $reason,
            source: $source,
        },)+];
    };
}

thresholds! {
    RUNS_MIN = 20.0 "runs",
        "Fewer runs give no verdict: at a log-deviation of 0.6, which is common, 21 runs know \
            the mean within 1.3x.",
        "sample size of a 95 % bound: (1.96 * deviation / ln 1.3)^2";
    WALL_MIN = 2.0 "s",
        "Less time in all gives no verdict: a burst at start-up is not how a task behaves.",
        "judgement";
    GAIN_MIN = 1.3 "x",
        "A move must gain this much, even at the worse end of its range: the dead band that \
            keeps ties still.",
        "simulated at an exact tie over 20,000 runs: 2,824 moves without a band, 141 with it, 2 \
            with band and bound";
    SAVED_PER_RUN_MIN = 0.005 "s",
        "A run must become shorter by this, or SAVED_CORE_SHARE_MIN must be met: smaller gains \
            are not worth a change.",
        "judgement; asyncio projects moved small work to threads and back (aiohttp 7223 and \
            7797, apify-client 950 and 988)";
    SAVED_CORE_SHARE_MIN = 0.02 "of a core",
        "What frequent small runs must save together.",
        "judgement";
    TRIVIAL_DISPATCHES = 20.0 "x",
        "A call shorter than this many dispatches to a thread is not worth a lane (R0).",
        "measured: a dispatch costs 11 to 20 us, so about 0.3 ms";
    SHORT_RUN_WALL = 5.0 "s",
        "A run that is shorter than this in all and has no overlap needs no lane (R0).",
        "judgement";
    BLOCKED_P95 = 0.005 "s",
        "A coroutine that blocks its loop this long in one of 20 runs delays every other one (R1).",
        "judgement; the switch interval of CPython's GIL is 5 ms, too";
    CPU_STEP_P95 = 0.010 "s",
        "A coroutine that computes this long in one step delays every other one (R2).",
        "judgement; two switch intervals of CPython's GIL";
    LAG = 0.001 "s",
        "A task that causes this much of the loop's mean lag, by its steps and by its runs that \
            stand in line, is worth an offload (R2).",
        "Pollaczek and Khinchine, and the lines that are seen; measured within a factor of two of \
            a probe";
    DELAY_SHARE_MIN = 0.1 "of wall",
        "A task that waits this much of its time for others on its loop, and as long as \
            BLOCKED_P95, is told who they are; and so much of the delay makes one of them.",
        "judgement";
    CORES_USED_RELEASED = 1.3 "cores",
        "Threads that use more than this release the GIL: a thread is enough for them (R2).",
        "measured: sha256 1.82, zlib 1.79, pure Python 0.95, sorted with a key 0.98";
    NEEDLESS_RUNS_MIN = 50.0 "runs",
        "Runs before a coroutine is called needless: a rare branch may be the one that awaits \
            (R3).",
        "judgement";
    CORES_USED_BOUND_LOW = 0.9 "cores",
        "Threads side by side that use at least this and at most CORES_USED_BOUND_HIGH hold the \
            GIL in turn (R4).",
        "measured: pure Python 0.95, sorted with a key 0.98";
    CORES_USED_BOUND_HIGH = 1.1 "cores",
        "See CORES_USED_BOUND_LOW (R4).",
        "measured: pure Python 0.95, sorted with a key 0.98";
    CPU_SHARE_MIN = 0.6 "of cpu + blocked",
        "A task that computes at least this share of its own time is CPU-bound (R4).",
        "judgement";
    QUEUE_WAIT = 0.001 "s",
        "A median wait for a place in the lane above this means that a queue has formed (R4).",
        "judgement; ten times a dispatch";
    CONTENDED_SHARE = 0.1 "of busy time",
        "Attempts that share their lane for this much of its busy time are in each other's way, \
            too (R4).",
        "judgement";
    PROCESS_DISPATCHES = 10.0 "x",
        "Work below this many round trips to a process, serialisation included, is wasted there \
            (R5), and no coroutine is sent there for it (R2, R3).",
        "measured: a round trip costs 92 to 157 us";
    PROCESS_CPU_SHARE = 0.5 "of wall",
        "A process that computes less than this share of its time waits most of the time, which \
            a thread does cheaper (R5). Whether it pays depends on the number of cores, and the \
            predicted gain knows it: with two it pays below 38 %, with four below 19 %.",
        "the cost model: (cpu + blocked) / cores against cpu";
    WAITING_SHARE = 0.8 "of wall",
        "A plain function that blocks this share of its time does nothing but wait (R6).",
        "judgement";
    MANY_WAITS = 64.0 "at once",
        "Up to this many waits at once threads are fine; above it an event loop is cheaper (R6).",
        "judgement; the default width of the thread lane is 40";
    RUN_DELAY_SHARE = 0.25 "of wall",
        "Attempts that wait for a core this share of their time run on a starved host: no lane \
            helps (R7).",
        "measured: 40 of 40 false alarms vanished when run delay was taken out, 10 of 10 true \
            ones stayed";
    RUN_DELAY_BAND = 0.05 "of wall",
        "This near RUN_DELAY_SHARE, on either side, nothing is said with high confidence (R7).",
        "judgement";
    DILATION_MAX = 3.0 "x",
        "What a move leaves on the loop of a starved host is predicted to take at most so many \
            times as long: a thread that seldom runs gets a core sooner.",
        "judgement";
    FULL_SHARE = 0.9 "of the cores",
        "A lane that uses this much is not starved by others: its attempts wait for each other \
            (R7).",
        "measured: forty threads that compress or hash use 1.82 to 1.96 of two cores, and wait \
            for a core for 60 to 90 % of their time";
    OWN_THREADS_SHARE = 0.5 "of its CPU time",
        "A task whose library computes this much in threads of its own uses several cores as it \
            is: in processes side by side they get into each other's way (R2 to R5).",
        "measured: a product of matrices takes 0.24 ms on the loop and 1.9 ms a job in processes";
    SOLO_RUNS_MIN = 5.0 "runs",
        "Attempts without a neighbour that tell a task's own blocking from waits for the GIL.",
        "judgement";
    WAVES_MIN = 3.0 "x as many runs as run at once",
        "Threads share a GIL, so runs that begin together are no independent witnesses: a burst \
            whose runs all sleep first and all compute then looks like waiting, and then like \
            computing.",
        "judgement";
    UNCLEAR_BLOCKED_SHARE = 0.05 "of wall",
        "Blocked time below this cannot decide anything, whether it is a wait for the GIL or not.",
        "judgement";
    ENCODE_UNCERTAINTY = 10.0 "x",
        "How far the time to serialise may lie above the estimate from bytes, where it was not \
            measured.",
        "measured: bytes alone mislead by ten times and more";
    LOSS_MAX = 1.1 "x",
        "A size of arguments, or a lane that was tried, may lose this much before a move is \
            refused; a move that loses more is undone.",
        "judgement";
    CANARY_SHARE = 0.05 "of runs",
        "Runs that try the other lane before a task moves.",
        "judgement";
    CANARIES_MIN = 3.0 "runs",
        "Tried runs without harm after which a task moves: at one of 20, after at most 60.",
        "so that a lane that is twice as good is taken within 100 runs";
    DWELL = 60.0 "s",
        "After a move a task stays this long.",
        "judgement";
    TRIAL_RUNS = 20.0 "runs",
        "Runs after a move until it is judged.",
        "see RUNS_MIN";
    FORGETTING = 0.02 "a run",
        "How fast the auto lane forgets old costs, so that a task that changes is seen to change.",
        "simulated at an exact tie over 20,000 runs: one move at 0.02";
    NORMAL_95 = 1.96 "deviations",
        "The width of a 95 % range on each side of the mean, for many runs.",
        "normal distribution";
    STUDENT_CORRECTION = 2.4 "",
        "Widens NORMAL_95 by this over n - 1 for few runs; within 1 % of Student's t from n = 8 \
            on.",
        "fitted to Student's t";
    SCRIPT_SAVED_MIN = 0.03 "s",
        "A lane must save a script so much in all: a script of a blink is best left alone.",
        "judgement";
    SCRIPT_THREAD_DISPATCH = 0.000_05 "s",
        "Giving an item of a script to a thread, and its result back to who keeps the books.",
        "a dispatch was measured at 11 to 20 us; the rest is the books";
    SCRIPT_THREAD_START = 0.000_08 "s",
        "Starting a thread for a script.",
        "judgement";
    SCRIPT_THREADS_MIN = 32.0 "threads",
        "Threads that wait cost next to nothing: so many are there for items that wait longer \
            than the first ones did.",
        "judgement";
    SCRIPT_WIDTH_MARGIN = 1.2 "x",
        "So many times the threads that the first items could keep busy, so that one that ends \
            late leaves no gap.",
        "judgement";
    SCRIPT_PROCESS_ROUND_TRIP = 0.000_15 "s",
        "Giving a chunk of a script's items to a process and its results back, pickling aside.",
        "measured: a round trip costs 92 to 157 us";
    SCRIPT_PROCESS_ITEM = 0.000_002 "s",
        "What an item of a chunk costs besides its pickling.",
        "judgement";
    SCRIPT_CHUNK = 0.01 "s",
        "What a chunk of items should take, so that its round trip does not matter.",
        "judgement; 60 round trips";
}

/// A rule of the verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Rule {
    /// Keep it simple.
    R0,
    /// Blocking in async.
    R1,
    /// Computing in async.
    R2,
    /// Needless async.
    R3,
    /// The thread lane is bound by the GIL.
    R4,
    /// A process is wasted.
    R5,
    /// Many waits at once.
    R6,
    /// The host is starved.
    R7,
    /// It needs one thread.
    R8,
}

/// A rule in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RuleEntry {
    /// The rule.
    pub rule: Rule,
    /// Its name.
    pub name: &'static str,
    /// When it applies; every comparison is with the lower confidence bound.
    pub condition: &'static str,
    /// What it advises.
    pub advice: &'static str,
}

/// All rules, in the order in which they are tried: the first that applies and whose gain clears
/// the dead band decides.
pub const RULES: [RuleEntry; 9] = [
    RuleEntry {
        rule: Rule::R8,
        name: "needs one thread",
        condition: "declared not thread-safe, in a thread lane with more than one wanted at once",
        advice: "a serial thread lane of width 1",
    },
    RuleEntry {
        rule: Rule::R1,
        name: "blocking in async",
        condition: "p95 of blocked time, without waits for a core, >= 5 ms, or a blocking call on a \
            sampled stack",
        advice: "an async library, else the lane off the loop that gets more done: threads, or \
            processes where it computes under the GIL most of the time",
    },
    RuleEntry {
        rule: Rule::R2,
        name: "computing in async",
        condition: "p95 of the longest step, without waits for a core, >= 10 ms and mostly CPU, or \
            >= 1 ms of the mean lag",
        advice: "offload: to a process, or to a thread where the GIL is released",
    },
    RuleEntry {
        rule: Rule::R3,
        name: "needless async",
        condition: "no await in the body, over >= 50 runs",
        advice: "make it `def`, in the lane that suits it where that gains enough",
    },
    RuleEntry {
        rule: Rule::R7,
        name: "starved host",
        condition: "waits for a core for more than 25 % of wall and longer than for the GIL, in a \
            lane that does not use all cores itself; a coroutine only when it neither blocks nor \
            computes too long without these waits",
        advice: "no other lane: add cores or run fewer at once",
    },
    RuleEntry {
        rule: Rule::R5,
        name: "process wasted",
        condition: "CPU < 10 round trips, or < 50 % of wall, in a process",
        advice: "the thread lane",
    },
    RuleEntry {
        rule: Rule::R4,
        name: "bound by the GIL",
        condition: "thread lane uses 0.9 to 1.1 cores, or fewer with waits for the GIL known, or \
            attempts wait for the GIL longer than they work; attempts queue, CPU >= 60 % of its \
            own time",
        advice: "the process lane",
    },
    RuleEntry {
        rule: Rule::R0,
        name: "keep it simple",
        condition: "plain function, p95 of wall < 10 thread dispatches, or < 5 s in all without \
            overlap",
        advice: "call it; no lane needed",
    },
    RuleEntry {
        rule: Rule::R6,
        name: "many waits",
        condition: "plain function, blocked >= 80 % of wall",
        advice: "async when more than 64 are wanted at once and an async library exists, else \
            threads are fine",
    },
];

impl Rule {
    /// The rule's number, such as `R4`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::R0 => "R0",
            Self::R1 => "R1",
            Self::R2 => "R2",
            Self::R3 => "R3",
            Self::R4 => "R4",
            Self::R5 => "R5",
            Self::R6 => "R6",
            Self::R7 => "R7",
            Self::R8 => "R8",
        }
    }

    /// The rule in words.
    pub fn entry(self) -> &'static RuleEntry {
        let [first, ..] = &RULES;
        RULES.iter().find(|entry| entry.rule == self).unwrap_or(first)
    }
}
