//! What is wrong with the arguments, told like every other error: with a code, why, and how to fix
//! it.
//!
//! The facts come from clap's own account of the error, never from its text.

use std::error::Error as _;
use std::ffi::OsString;
use std::num::ParseIntError;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, ValueEnum};
use laneway_core::error::{Code, Error};

use super::output::{self, Output};
use super::{Color, Global};
use crate::store_url::Redacted;

/// Answers arguments that clap does not accept, and gives the exit status. A help or a version that
/// was asked for counts as such, too, and is written as it is.
pub(super) fn answer(error: &clap::Error, command: Command, arguments: Vec<OsString>) -> u8 {
    let words = words(arguments);
    let global = global(&words);
    let is_help = match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => true,
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => !global.json,
        _ => false,
    };
    if is_help {
        return output::clap_text(error);
    }
    let error = Place::of(command, &words).explain(error);
    let mut output = Output::new(&global);
    output.error(&error);
    output.finish(error.code().entry().exit)
}

/// The words before `--`; those behind it are values, whatever they look like.
fn words(arguments: Vec<OsString>) -> Vec<String> {
    let own = arguments.into_iter().skip(1).take_while(|argument| argument != "--");
    own.map(|argument| argument.to_string_lossy().into_owned()).collect()
}

/// The flags that say how to answer, found without clap, which has refused the arguments.
fn global(words: &[String]) -> Global {
    let behind = words.windows(2).filter_map(|pair| match pair {
        [flag, value] if flag == "--color" => Some(value.as_str()),
        _ => None,
    });
    let within = words.iter().filter_map(|word| word.strip_prefix("--color="));
    let mut colors = behind.chain(within).filter_map(|value| Color::from_str(value, false).ok());
    Global {
        store: None,
        json: words.iter().any(|word| word == "--json"),
        color: colors.next().unwrap_or(Color::Auto),
        quiet: false,
        verbose: false,
    }
}

/// The command that the arguments have reached, such as `laneway jobs list`.
struct Place {
    path: String,
    command: Command,
}

impl Place {
    fn of(mut command: Command, words: &[String]) -> Self {
        command.build();
        let mut place = Self { path: command.get_name().to_owned(), command };
        // Help is asked for about the command behind it.
        let mut words = words.iter().filter(|word| *word != "help");
        while let Some(word) = words.next() {
            if let Some(inner) = place.command.find_subcommand(word).cloned() {
                place.path = format!("{} {}", place.path, inner.get_name());
                place.command = inner;
            } else if place.takes_value(word) {
                words.next();
            }
        }
        place
    }

    /// Whether the next word is the value of this one.
    fn takes_value(&self, word: &str) -> bool {
        let mut flags = self.command.get_arguments();
        flags.any(|flag| {
            flag.get_action().takes_values()
                && (flag.get_long().is_some_and(|long| word.strip_prefix("--") == Some(long))
                    || flag.get_short().is_some_and(|short| word == format!("-{short}")))
        })
    }

    fn explain(&self, error: &clap::Error) -> Error {
        match error.kind() {
            ErrorKind::UnknownArgument => self.unknown_argument(error),
            ErrorKind::InvalidSubcommand => self.unknown_command(error),
            ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
                self.missing_command()
            }
            ErrorKind::MissingRequiredArgument => self.missing_argument(error),
            ErrorKind::InvalidValue => self.impossible_value(error),
            ErrorKind::ValueValidation => self.unreadable_value(error),
            ErrorKind::TooManyValues => self.needless_value(error),
            ErrorKind::ArgumentConflict => self.conflict(error),
            other => {
                let what = other.as_str().unwrap_or("the arguments are not understood");
                self.error(what.to_owned())
            }
        }
    }

    fn error(&self, what: String) -> Error {
        let help = self.path.replacen("laneway", "laneway help", 1);
        Error::new(Code::InvalidArgument, what).fix(format!("`{help}` shows how to use it"))
    }

    fn unknown_argument(&self, error: &clap::Error) -> Error {
        let argument = named(error, ContextKind::InvalidArg);
        let answer = self.error(format!("`{}` takes no argument `{argument}`", self.path));
        let Some(flag) = argument.strip_prefix('-') else {
            return answer.why("no further argument is expected at this place");
        };
        if flag.starts_with(|first: char| first.is_ascii_digit()) {
            return answer
                .why("what begins with `-` counts as a flag")
                .fix("join a value that begins with `-` to its flag by `=`");
        }
        let answer = answer.why("none of its flags has this name");
        let suggested = texts(error, ContextKind::SuggestedArg);
        let suggested = suggested.last().map(ToString::to_string);
        let flag = self.flag_in_short(flag).or(suggested).or_else(|| self.flag_of_a_command(flag));
        match flag {
            Some(flag) => answer.fix(format!("did you mean `{flag}`?")),
            None => answer,
        }
    }

    /// The only long flag that begins like this one.
    fn flag_in_short(&self, flag: &str) -> Option<String> {
        let start = flag.strip_prefix('-').filter(|start| !start.is_empty())?;
        let flags = self.command.get_arguments().filter_map(Arg::get_long);
        let mut meant = flags.filter(|long| long.starts_with(start));
        let long = meant.next().filter(|_| meant.next().is_none())?;
        Some(format!("--{long}"))
    }

    /// The command below this one that has a long flag, with the flag: `laneway jobs list --limit`.
    fn flag_of_a_command(&self, flag: &str) -> Option<String> {
        let flag = flag.strip_prefix('-')?;
        let has_flag = |command: &&Command| {
            command.get_arguments().any(|argument| argument.get_long() == Some(flag))
        };
        let command = self.command.get_subcommands().find(has_flag)?;
        Some(format!("{} {} --{flag}", self.path, command.get_name()))
    }

    fn unknown_command(&self, error: &clap::Error) -> Error {
        let name = named(error, ContextKind::InvalidSubcommand);
        let answer = self.error(format!("`{}` has no command `{name}`", self.path));
        let known: Vec<_> = self.commands().collect();
        if known.is_empty() {
            return answer.why("no commands belong to it");
        }
        answer.why(format!("its commands are {}", quoted(&known))).closest(&name, known)
    }

    fn missing_command(&self) -> Error {
        let known: Vec<_> = self.commands().collect();
        let answer = self.error(format!("`{}` needs a command", self.path));
        answer.why(format!("its commands are {}", quoted(&known)))
    }

    fn missing_argument(&self, error: &clap::Error) -> Error {
        let missing = quoted(&texts(error, ContextKind::InvalidArg));
        self.error(format!("`{}` needs {missing}", self.path)).why("nothing was given for it")
    }

    fn impossible_value(&self, error: &clap::Error) -> Error {
        let argument = named(error, ContextKind::InvalidArg);
        let value = named(error, ContextKind::InvalidValue);
        let possible = texts(error, ContextKind::ValidValue);
        let mut answer = match value.as_str() {
            "" => self.error(format!("`{argument}` needs a value")).why("nothing was given for it"),
            value => self.error(format!("`{value}` is not possible for `{argument}`")),
        };
        if !possible.is_empty() {
            answer = answer.why(format!("it may be {}", quoted(&possible)));
        }
        match texts(error, ContextKind::SuggestedValue).last() {
            Some(value) => answer.fix(format!("did you mean `{value}`?")),
            None => answer,
        }
    }

    fn unreadable_value(&self, error: &clap::Error) -> Error {
        let argument = named(error, ContextKind::InvalidArg);
        let value = named(error, ContextKind::InvalidValue);
        let answer = self.error(format!("`{value}` is not possible for `{argument}`"));
        let Some(source) = error.source() else {
            return answer;
        };
        match source.downcast_ref::<Error>() {
            Some(coded) if coded.reason().is_empty() => {
                answer.why(coded.what()).fix(coded.remedy())
            }
            Some(coded) => answer.why(coded.reason()).fix(coded.remedy()),
            None if source.is::<ParseIntError>() => answer.why("a whole number is needed"),
            None => answer.why(source.to_string()),
        }
    }

    fn needless_value(&self, error: &clap::Error) -> Error {
        let argument = named(error, ContextKind::InvalidArg);
        let value = named(error, ContextKind::InvalidValue);
        self.error(format!("`{argument}` takes no value `{value}`"))
            .why("it has all that it takes without it")
    }

    fn conflict(&self, error: &clap::Error) -> Error {
        let argument = named(error, ContextKind::InvalidArg);
        let others = texts(error, ContextKind::PriorArg);
        if others.is_empty() || others.contains(&argument.as_str()) {
            let flag = argument.split(' ').next().unwrap_or_default();
            return self
                .error(format!("`{argument}` is given more than once"))
                .why(if self.takes_value(flag) { "it has one value" } else { "once is enough" })
                .fix("leave all but one of them out");
        }
        self.error(format!("`{argument}` cannot be used with {}", quoted(&others)))
            .why("they contradict each other")
            .fix("leave one of them out")
    }

    fn commands(&self) -> impl Iterator<Item = &str> {
        self.command.get_subcommands().filter(|inner| !inner.is_hide_set()).map(Command::get_name)
    }
}

/// The texts of this kind that clap knows of the error.
fn texts(error: &clap::Error, kind: ContextKind) -> Vec<&str> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text],
        Some(ContextValue::Strings(texts)) => texts.iter().map(String::as_str).collect(),
        _ => Vec::new(),
    }
}

/// What the person wrote, without a password that may be part of it.
fn named(error: &clap::Error, kind: ContextKind) -> String {
    texts(error, kind).iter().map(|text| Redacted(text).to_string()).collect::<Vec<_>>().join(" ")
}

fn quoted(texts: &[&str]) -> String {
    texts.iter().map(|text| format!("`{text}`")).collect::<Vec<_>>().join(", ")
}
