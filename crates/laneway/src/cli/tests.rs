use std::collections::BTreeSet;

use laneway_core::error::Code;

use super::*;
use crate::config::table::ENTRIES;

/// The words after `laneway` in every code span of a text, and every flag in one.
fn named(text: &str) -> (Vec<Vec<&str>>, Vec<&str>) {
    let spans: Vec<&str> = text.split('`').skip(1).step_by(2).collect();
    let commands = spans
        .iter()
        .filter_map(|span| span.strip_prefix("laneway "))
        .map(|words| words.split_whitespace().filter(|word| !word.starts_with("--")).collect())
        .collect();
    let flags = spans.iter().flat_map(|span| span.split_whitespace());
    (commands, flags.filter(|word| word.starts_with("--")).collect())
}

fn has_command(words: &[&str]) -> bool {
    let mut at = Cli::command();
    at.build();
    for word in words {
        match at.find_subcommand(word) {
            Some(inner) => at = inner.clone(),
            // What follows the last command are its arguments.
            None => return !at.has_subcommands() && at.get_positionals().next().is_some(),
        }
    }
    true
}

fn all_flags(command: &clap::Command, into: &mut BTreeSet<String>) {
    into.extend(command.get_arguments().filter_map(|arg| arg.get_long()).map(|l| format!("--{l}")));
    command.get_subcommands().for_each(|inner| all_flags(inner, into));
}

fn flags() -> BTreeSet<String> {
    let mut flags = BTreeSet::new();
    all_flags(&Cli::command(), &mut flags);
    flags
}

#[test]
fn the_command_line_is_well_formed() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_and_flag_that_an_advice_names_exists() {
    let flags = flags();
    let mut seen = 0;
    for code in Code::ALL {
        let (commands, named_flags) = named(code.entry().fix);
        seen += commands.len() + named_flags.len();
        for command in commands {
            assert!(has_command(&command), "{code} names `laneway {}`", command.join(" "));
        }
        for flag in named_flags {
            assert!(flags.contains(flag), "{code} names `{flag}`");
        }
    }
    assert!(seen > 5, "the registry names commands, so this test must see some");
    assert!(!has_command(&["jobs", "lsit"]) && !has_command(&["statuss"]));
}

#[test]
fn every_flag_and_setting_that_the_table_names_exists() {
    let flags = flags();
    for entry in ENTRIES {
        if let Some(flag) = entry.flag.filter(|flag| flag.starts_with("--")) {
            assert!(flags.contains(flag), "{flag}");
        }
    }
}
