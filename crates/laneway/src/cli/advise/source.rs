//! Rewriting a line of Python that blocks, where it is simple enough to be sure of the result.

/// Blocking calls with an asynchronous twin that takes the same arguments.
const TWINS: [(&str, &str); 2] =
    [("time.sleep(", "await asyncio.sleep("), ("socket.getaddrinfo(", "await loop.getaddrinfo(")];

/// The line with the asynchronous twin of the call in it.
pub(in crate::cli) fn asynchronous(line: &str) -> Option<String> {
    let (call, twin) = TWINS.iter().find(|(call, _)| line.contains(call))?;
    let (before, after) = line.split_once(call)?;
    let is_whole_name = !before.ends_with(|last: char| is_of_name(last));
    is_whole_name.then(|| format!("{before}{twin}{after}"))
}

/// The line with its call handed to a thread: `x = f(a)` becomes `x = await
/// asyncio.to_thread(f, a)`. Only a statement that is one call, or something done to its result, is
/// rewritten.
pub(in crate::cli) fn in_thread(line: &str) -> Option<String> {
    let opening = line.find('(')?;
    let (head, rest) = line.split_at(opening);
    let start = head.rfind(|last: char| !is_of_name(last)).map_or(0, |at| at + 1);
    let (before, function) = head.split_at(start);
    let is_statement = before.is_empty()
        || before == "return "
        || before.strip_suffix(" = ").is_some_and(|target| target.chars().all(is_of_target));
    let closing = closing_of(rest)?;
    let (arguments, after) = (rest.get(1..closing)?, rest.get(closing + 1..)?);
    let is_call = function.starts_with(|first: char| first.is_alphabetic() || first == '_');
    let has_own_scope = ["await ", "yield ", " for "].iter().any(|word| arguments.contains(word));
    if !is_statement || !is_call || has_own_scope || function == "await" {
        return None;
    }
    let comma = if arguments.is_empty() { "" } else { ", " };
    let call = format!("await asyncio.to_thread({function}{comma}{arguments})");
    match after.chars().next() {
        None => Some(format!("{before}{call}")),
        Some('.' | '[') => Some(format!("{before}({call}){after}")),
        Some(_) => None,
    }
}

/// Where the parenthesis that opens the text is closed. Parentheses in strings do not count.
fn closing_of(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut quote = None;
    let mut is_escaped = false;
    for (at, sign) in text.char_indices() {
        match (quote, sign) {
            (Some(_), _) if is_escaped => is_escaped = false,
            (Some(_), '\\') => is_escaped = true,
            (Some(open), _) if open == sign => quote = None,
            (None, '"' | '\'') => quote = Some(sign),
            (None, '(') => depth += 1,
            (None, ')') => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

fn is_of_name(sign: char) -> bool {
    sign.is_alphanumeric() || matches!(sign, '_' | '.')
}

fn is_of_target(sign: char) -> bool {
    is_of_name(sign) || matches!(sign, ',' | ' ' | ':' | '[' | ']')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_with_a_twin_is_awaited() {
        assert_eq!(asynchronous("time.sleep(0.5)").unwrap(), "await asyncio.sleep(0.5)");
        assert_eq!(asynchronous("mytime.sleep(0.5)"), None);
        assert_eq!(asynchronous("data = parse(blob)"), None);
    }

    #[test]
    fn a_statement_that_is_one_call_goes_to_a_thread() {
        for (line, expected) in [
            ("parse(blob)", "await asyncio.to_thread(parse, blob)"),
            ("self.flush()", "await asyncio.to_thread(self.flush)"),
            (
                "a, b = x.load(\")\", n=(1, 2))",
                "a, b = await asyncio.to_thread(x.load, \")\", n=(1, 2))",
            ),
            (
                "return requests.get(url).json()",
                "return (await asyncio.to_thread(requests.get, url)).json()",
            ),
        ] {
            assert_eq!(in_thread(line).as_deref(), Some(expected));
        }
    }

    #[test]
    fn what_is_not_simple_is_left_alone() {
        for line in [
            "with open(path) as file:",
            "if parse(blob):",
            "total = parse(a) + parse(b)",
            "parse(x for x in many)",
            "await fetch(url)",
            "parse(",
            "(lambda: 1)()",
            "x = 1",
        ] {
            assert_eq!(in_thread(line), None, "{line}");
        }
    }
}
