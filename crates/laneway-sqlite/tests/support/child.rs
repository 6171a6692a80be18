//! Child processes: a test file runs itself again, for one of its ignored tests. Parent and child
//! speak in lines.

use std::io::{BufRead, BufReader, Write, stdin, stdout};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// The user who owns nothing.
const NOBODY: u32 = 65_534;

/// A running child. It is killed when it is dropped.
pub(crate) struct Running {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

/// Starts the ignored test `name` of this test file as a process of its own.
pub(crate) fn start(name: &str) -> Running {
    run(&mut command(name))
}

/// Starts it without the power of root, which may write everywhere.
pub(crate) fn start_without_power(name: &str) -> Running {
    let mut command = command(name);
    if rustix::process::geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    run(&mut command)
}

fn command(name: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", name, "--ignored", "--nocapture", "--test-threads=1"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

fn run(command: &mut Command) -> Running {
    let mut child = command.spawn().unwrap();
    let input = child.stdin.take().unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    Running { child, input, output }
}

impl Running {
    /// Writes a line to the child.
    pub(crate) fn say(&mut self, line: &str) {
        writeln!(self.input, "{line}").unwrap();
    }

    /// The rest of the child's next line that begins with `start`; `None` when it has ended.
    pub(crate) fn try_hear(&mut self, start: &str) -> Option<String> {
        loop {
            let mut line = String::new();
            if self.output.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            // A line that the kill has cut short was not said.
            if let Some(rest) = line.strip_suffix('\n').and_then(|line| line.strip_prefix(start)) {
                return Some(rest.to_owned());
            }
        }
    }

    /// The rest of the child's next line that begins with `start`.
    pub(crate) fn hear(&mut self, start: &str) -> String {
        self.try_hear(start).unwrap_or_else(|| panic!("the child ends without `{start}`"))
    }

    /// Ends the child as `kill -9` does.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.child.kill().is_ok() {
            self.child.wait().unwrap();
        }
    }
}

/// In the child: the parent's next line.
pub(crate) fn parent_says() -> String {
    let mut line = String::new();
    stdin().read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

/// In the child: tells the parent a line.
pub(crate) fn tell(line: &str) {
    // The test framework leaves a line open; and one write each, so that a kill leaves no line that
    // is half and looks whole.
    let mut output = stdout().lock();
    output.write_all(format!("\n{line}\n").as_bytes()).unwrap();
    output.flush().unwrap();
}
