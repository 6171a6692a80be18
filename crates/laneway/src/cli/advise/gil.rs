//! Whether what computes on a line holds the GIL.
//!
//! Nobody sees that from outside of a program, and nearly all that computes does. The exceptions
//! are functions of libraries, of which the knowledge base of the check tells.

use std::path::Path;
use std::sync::OnceLock;

use laneway_check::Knowledge;
use laneway_core::profile::{Blockage, Profile, Site, Sites};

use super::blocked_line::{Frame, callee, frame, source};
use super::source::{Callee, functions};

/// Beside what computes they take no time: what they do is done once with its result.
const BRIEF: [&str; 6] = ["decode", "digest", "encode", "hex", "hexdigest", "len"];

/// What was measured, and for each line that computes whether it holds the GIL, where the code
/// tells. `folder` is where relative paths begin.
pub(in crate::cli) fn told(mut profile: Profile, folder: &Path) -> Profile {
    let is_open = |site: &Site| site.blockage == Blockage::Cpu && site.gil_held.is_none();
    if profile.sites.iter().any(is_open) {
        let mut sites = Sites::default();
        for site in profile.sites.iter() {
            let gil_held = if is_open(site) { is_held(site, folder) } else { site.gil_held };
            sites.record(&Site { gil_held, ..site.clone() });
        }
        profile.sites = sites;
    }
    profile
}

/// The innermost line that calls something known decides, from where it computed out to the line of
/// the program. In a line that had called on, only the call counts that the next frame is of.
fn is_held(site: &Site, folder: &Path) -> Option<bool> {
    let frames: Vec<Frame> = site.stack.lines().filter_map(frame).collect();
    let from = frames.iter().rposition(|frame| frame.is_of(&site.place));
    let known = from.and_then(|from| frames.get(from..)).unwrap_or(&frames);
    let place = Frame::at(&site.place);
    let inner = known.iter().enumerate().map(|(at, frame)| (frame, known.get(at + 1)));
    // What that line called was cut off with its frame.
    let outer = from.is_none().then_some((&place, None));
    inner.rev().chain(outer).find_map(|(frame, next)| {
        let text = source(&frame.file, folder)?;
        let at = usize::try_from(frame.line.checked_sub(1)?).ok()?;
        is_held_by(text.lines().nth(at)?.trim(), &text, callee(next, true))
    })
}

/// Whether what a line calls holds the GIL; `None` where nothing is known of it, or both hold. It
/// lets go of the GIL only if all that may have computed there does.
fn is_held_by(line: &str, text: &str, callee: Callee<'_>) -> Option<bool> {
    let calls: Vec<String> = functions(line).iter().map(|call| meant(call, text)).collect();
    let last = |call: &str| call.rsplit('.').next().unwrap_or_default().to_owned();
    let may_compute = |call: &&String| match callee {
        Callee::Named(name) => last(call) == name,
        Callee::Unnamed => calls.len() == 1,
        Callee::Unknown => !BRIEF.contains(&last(call).as_str()),
    };
    let released: Vec<_> = calls.iter().filter(may_compute).map(|call| releases(call)).collect();
    let is_any = |known: bool| released.contains(&Some(known));
    match (is_any(true), is_any(false)) {
        (true, false) => (!released.contains(&None)).then_some(false),
        (false, true) => Some(true),
        _ => None,
    }
}

fn releases(name: &str) -> Option<bool> {
    static KNOWN: OnceLock<Option<Knowledge>> = OnceLock::new();
    // What is built in is read by the tests of the check; if it cannot be, nothing is known.
    KNOWN.get_or_init(|| Knowledge::load(&[]).ok()).as_ref()?.releases_gil(name)
}

/// The dotted name of what is called, with the name of an import in place of that in the file.
fn meant(call: &str, text: &str) -> String {
    let (first, rest) = call.split_once('.').map_or((call, ""), |(first, rest)| (first, rest));
    let import = text.lines().map(str::trim).find_map(|line| imported(line, first));
    let first = import.unwrap_or_else(|| first.to_owned());
    if rest.is_empty() { first } else { format!("{first}.{rest}") }
}

/// What an import makes of a name, if it is one of that name.
fn imported(line: &str, name: &str) -> Option<String> {
    let (module, list) = match line.strip_prefix("from ") {
        Some(rest) => {
            let (module, list) = rest.split_once(" import ")?;
            (format!("{}.", module.trim()), list)
        }
        None => (String::new(), line.strip_prefix("import ")?),
    };
    let list = list.split('#').next().unwrap_or_default();
    let names = list.trim_matches(['(', ')', ' ']).split(',').map(str::trim);
    names.into_iter().find_map(|entry| {
        let (real, here) = entry.split_once(" as ").unwrap_or((entry, entry));
        (here.trim() == name).then(|| format!("{module}{}", real.trim()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_of_a_call_tells_whether_it_holds_the_gil() {
        let text = "import numpy as np\nfrom zlib import compress as pack, crc32\nimport json, re\n\
                    from hashlib import (sha256)  # a hash\n";
        for (line, expected) in [
            ("rows = json.loads(text)", Some(true)),
            ("return pack(data)", Some(false)),
            ("x = sha256(data).hexdigest()", None),
            ("seen.add(hashlib.sha256(row).digest())", None),
            ("hashlib.pbkdf2_hmac(\"sha256\", p.encode(), s, 700_000).hex()", Some(false)),
            ("x = hashlib.scrypt(own(p), salt=s, n=2, r=8, p=1)", None),
            ("hashlib.pbkdf2_hmac(\"sha256\", p, s, 700_000)", Some(false)),
            ("u, s, v = np.linalg.svd(matrix)", Some(false)),
            ("x = pack(json.dumps(rows))", None),
            ("total += price * count", None),
            ("own(data)", None),
        ] {
            assert_eq!(is_held_by(line, text, Callee::Unknown), expected, "{line}");
        }
    }

    #[test]
    fn only_the_call_that_the_next_frame_is_of_counts() {
        let text = "import zlib\nfrom hashlib import file_digest as digest_of\n";
        for (line, name, expected) in [
            ("x = zlib.compress(template.render(rows=rows))", "render", None),
            ("x = zlib.compress(template.render(rows=rows))", "compress", Some(false)),
            ("x = digest_of(file, \"sha256\").hexdigest()", "file_digest", Some(false)),
            ("x = zlib.compress(json.loads(text))", "loads", Some(true)),
            ("x = zlib.compress(re.sub(a, b, c))", "<listcomp>", None),
        ] {
            assert_eq!(is_held_by(line, text, Callee::Named(name)), expected, "{line} {name}");
        }
    }

    #[test]
    fn the_innermost_line_that_is_known_decides() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text);
        write("own.py", "import json\n\nasync def f():\n    return json.loads(pack())\n").unwrap();
        write("pack.py", "import zlib\ndef pack():\n    return zlib.compress(DATA)\n").unwrap();
        let place = laneway_core::profile::Place::new("own.py", 4, "f");
        let of = |stack: &str| {
            let key = laneway_core::profile::ProfileKey {
                task: laneway_core::job::TaskName::new("f").unwrap(),
                lane: laneway_core::job::Lane::Async,
                size_bucket: laneway_core::profile::SizeBucket::of(0),
                interpreter: laneway_core::profile::Interpreter::new("cpython-3.13"),
            };
            let time = std::time::Duration::from_millis(90);
            let mut profile = Profile::new(key);
            let site = Site::new(place.clone(), Blockage::Cpu, time).with_stack(stack, None);
            profile.sites.record(&site);
            told(profile, folder.path()).sites.iter().next().unwrap().gil_held
        };
        assert_eq!(of("own.py:4 f"), Some(true));
        assert_eq!(of("pack.py:3 pack\nown.py:4 f"), Some(true), "what called it says nothing");
        assert_eq!(of("own.py:4 f\npack.py:3 pack"), Some(false));
        assert_eq!(of("pack.py:3 pack"), Some(false), "the frame of the place was cut off");
        assert_eq!(of(""), Some(true));
        assert_eq!(of("own.py:4 f\ngone.py:3 pack"), None, "nothing is known of that call");
        assert_eq!(of("own.py:4 f\ngone.py:3 loads"), Some(true));
    }
}
