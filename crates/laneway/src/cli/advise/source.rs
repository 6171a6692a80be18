//! Rewriting a line of Python that blocks, where it is simple enough to be sure of the result.

/// Words after which nothing of a line can be taken to a thread or awaited.
const OWN_SCOPE: [&str; 4] = ["lambda", "await", "yield", "async"];
/// Words that begin what is no expression.
const STATEMENTS: [&str; 24] = [
    "assert", "break", "case", "class", "continue", "def", "del", "elif", "else", "except", "for",
    "from", "global", "if", "import", "match", "nonlocal", "pass", "raise", "try", "type", "while",
    "with", "print",
];
/// Words that a parenthesis may follow without being a call.
const OPERATORS: [&str; 10] =
    ["and", "assert", "elif", "if", "in", "is", "not", "or", "return", "while"];
/// What depends on the function that it stands in.
const FRAME_BOUND: [&str; 3] = ["super", "locals", "vars"];

/// What is called in a line that blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Callee<'a> {
    /// A function of this name.
    Named(&'a str),
    /// A call whose name the line does not tell, as that of a class.
    Unnamed,
    /// Something in the line, or in what it calls.
    Unknown,
}

/// The line with the asynchronous twin of the call in it, and that twin.
pub(super) fn asynchronous(line: &str) -> Option<(String, &'static str)> {
    let code = Line::of(line)?;
    let mut twins = code.calls.iter().filter_map(|call| Some((call, twin(&code, call)?)));
    let (call, twin) = twins.next()?;
    if twins.next().is_some() || code.has_own_scope() {
        return None;
    }
    Some((code.replaced(call, &format!("await {twin}({})", code.arguments(call))), twin))
}

/// What does the same as a blocking call, with the same arguments.
fn twin(code: &Line, call: &Call) -> Option<&'static str> {
    match code.function(call).as_str() {
        "time.sleep" => Some("asyncio.sleep"),
        "socket.getaddrinfo" => {
            let arguments = code.arguments(call);
            // All but the host and the port go by their names there.
            let is_named = arguments.split(',').skip(2).all(|argument| argument.contains('='));
            is_named.then_some("asyncio.get_running_loop().getaddrinfo")
        }
        _ => None,
    }
}

/// The line with what blocks handed to a thread: `x = f(a)` becomes `x = await
/// asyncio.to_thread(f, a)`. Where it is not known which of several calls blocks, all of the
/// expression goes there.
pub(super) fn in_thread(line: &str, callee: Callee<'_>) -> Option<String> {
    let code = Line::of(line)?;
    if code.has_own_scope() {
        return None;
    }
    let named = |name: &str| {
        let mut calls = code.calls.iter().filter(|call| {
            let function = code.function(call);
            function.rsplit('.').next() == Some(name)
        });
        calls.next().filter(|_| calls.next().is_none())
    };
    let call = match callee {
        Callee::Named(name) => named(name)?,
        Callee::Unnamed => code.calls.first().filter(|_| code.calls.len() == 1)?,
        Callee::Unknown => return whole_in_thread(&code),
    };
    if code.is_first_word("with") || code.is_first_word("for") {
        return None;
    }
    Some(code.replaced(call, &to_thread(&code, call)))
}

/// The line with its whole expression in a thread.
fn whole_in_thread(code: &Line) -> Option<String> {
    let (before, expression) = code.expression()?;
    let is_bound = |call: &Call| FRAME_BOUND.contains(&code.function(call).as_str());
    if code.calls.is_empty() || code.calls.iter().any(is_bound) {
        return None;
    }
    let from = before.chars().count();
    if !is_whole(&expression) || code.calls.iter().any(|call| call.start < from) {
        return None;
    }
    let until = from + expression.chars().count();
    let handed =
        match code.calls.iter().find(|call| call.start == from && call.closing + 1 == until) {
            Some(call) if code.calls.len() == 1 => to_thread(code, call),
            _ => format!("await asyncio.to_thread(lambda: {expression})"),
        };
    Some(format!("{before}{handed}"))
}

/// Whether an expression is no part of one that other lines begin or end.
fn is_whole(expression: &str) -> bool {
    let is_joined = |word: &str| ["and", "else", "if", "in", "is", "not", "or"].contains(&word);
    let mut words = expression.split(|sign: char| !sign.is_alphanumeric() && sign != '_');
    let begins = words.next().unwrap_or_default();
    let ends = words.next_back().unwrap_or(begins);
    let is_start = |sign: char| sign.is_alphanumeric() || "_([{\"'".contains(sign);
    let is_end = |sign: char| sign.is_alphanumeric() || "_)]}\"'".contains(sign);
    let is_negated = begins == "not" && words.next() != Some("in");
    expression.starts_with(is_start)
        && expression.ends_with(is_end)
        && (is_negated || !is_joined(begins))
        && !is_joined(ends)
}

fn to_thread(code: &Line, call: &Call) -> String {
    let (function, arguments) = (code.function(call), code.arguments(call));
    let comma = if arguments.is_empty() { "" } else { ", " };
    format!("await asyncio.to_thread({function}{comma}{arguments})")
}

/// What stands before the statement of a definition in one line, and the statement; of another line
/// all of it.
pub(super) fn statement(line: &str) -> (&str, &str) {
    let is_definition = line.starts_with("def ") || line.starts_with("async def ");
    let code = Line::scan(line);
    let is_end = |at: &usize| code.is_code_at(*at, ':') && code.depth(*at) == 0;
    let end = (0..code.signs.len()).find(is_end).filter(|_| is_definition);
    let end = end.and_then(|end| line.char_indices().nth(end));
    let Some((head, body)) = end.and_then(|(end, _)| line.split_at_checked(end + 1)) else {
        return ("", line);
    };
    let body = body.trim_start();
    (line.get(..line.len() - body.len()).unwrap_or(head), body)
}

/// The names of all that a line calls, without what they are attributes of.
pub(super) fn called(line: &str) -> Vec<String> {
    let last = |function: String| function.rsplit('.').next().unwrap_or_default().to_owned();
    functions(line).into_iter().map(last).collect()
}

/// All that a line calls, as it is written there.
pub(super) fn functions(line: &str) -> Vec<String> {
    let Some(code) = Line::of(line) else { return Vec::new() };
    code.calls.iter().map(|call| code.function(call)).collect()
}

/// Whether a line assigns or returns what its expression gives, so that it lives on.
pub(super) fn keeps_result(line: &str) -> bool {
    let code = Line::of(line);
    let expression = code.as_ref().and_then(Line::expression);
    expression.is_none_or(|(before, _)| !before.is_empty())
}

/// Whether this word stands in the line, outside of strings and remarks.
pub(super) fn has_word(line: &str, word: &str) -> bool {
    Line::scan(line).words().iter().any(|(_, seen)| seen == word)
}

/// A call in a line: where what is called begins, and its parentheses, counted in characters.
#[derive(Debug, Clone, Copy)]
struct Call {
    start: usize,
    opening: usize,
    closing: usize,
}

/// A logical line of Python, and what of it is code.
#[derive(Debug)]
struct Line {
    signs: Vec<char>,
    /// Whether the sign is code and not in a string.
    is_code: Vec<bool>,
    /// The other end of each bracket.
    pairs: Vec<Option<usize>>,
    is_whole: bool,
    calls: Vec<Call>,
}

impl Line {
    /// The line, if it ends where its brackets and strings do.
    fn of(line: &str) -> Option<Self> {
        let mut code = Self::scan(line);
        if !code.is_whole {
            return None;
        }
        let is_opening = |at: &usize| code.is_code_at(*at, '(');
        let calls = (0..code.signs.len()).filter(is_opening).filter_map(|at| code.call_at(at));
        code.calls = calls.collect();
        Some(code)
    }

    fn scan(line: &str) -> Self {
        let mut signs: Vec<char> = line.chars().collect();
        let mut is_code = vec![true; signs.len()];
        let mut pairs = vec![None; signs.len()];
        let mut open: Vec<(usize, char)> = Vec::new();
        let (mut quote, mut is_escaped, mut is_whole) = (None, false, true);
        for (at, &sign) in signs.iter().enumerate() {
            if let (Some(code), true) = (is_code.get_mut(at), quote.is_some()) {
                *code = false;
            }
            match (quote, sign) {
                (Some(_), _) if is_escaped => is_escaped = false,
                (Some(_), '\\') => is_escaped = true,
                (Some(begun), _) if begun == sign => quote = None,
                (None, '"' | '\'') => {
                    quote = Some(sign);
                    if let Some(code) = is_code.get_mut(at) {
                        *code = false;
                    }
                }
                (None, '#') => {
                    signs.truncate(at);
                    is_code.truncate(at);
                    break;
                }
                (None, '(' | '[' | '{') => open.push((at, sign)),
                (None, ')' | ']' | '}') => match open.pop() {
                    Some((other, begun)) if closes(begun, sign) => {
                        set(&mut pairs, at, other);
                        set(&mut pairs, other, at);
                    }
                    _ => is_whole = false,
                },
                (None, '\\') => is_whole = false,
                _ => {}
            }
        }
        let is_whole = is_whole && quote.is_none() && open.is_empty();
        Self { signs, is_code, pairs, is_whole, calls: Vec::new() }
    }

    fn sign(&self, at: usize) -> Option<char> {
        self.signs.get(at).copied()
    }

    fn is_code_at(&self, at: usize, sign: char) -> bool {
        self.sign(at) == Some(sign) && self.is_code.get(at) == Some(&true)
    }

    fn text(&self, from: usize, until: usize) -> String {
        self.signs.get(from..until).unwrap_or_default().iter().collect()
    }

    /// The call that this parenthesis opens, if it does.
    fn call_at(&self, opening: usize) -> Option<Call> {
        let closing = *self.pairs.get(opening)?;
        let mut start = opening;
        while let Some(before) = start.checked_sub(1) {
            let sign = self.sign(before)?;
            let is_name = self.is_code.get(before) == Some(&true) && is_of_name(sign);
            let is_end = self.is_code.get(before) == Some(&true) && matches!(sign, ')' | ']');
            start = match is_end {
                // What stands in brackets belongs to it where an attribute or a call follows.
                true if matches!(self.sign(start), Some('.' | '(' | '[')) => {
                    (*self.pairs.get(before)?)?
                }
                _ if is_name => before,
                _ => break,
            };
        }
        let function = self.text(start, opening);
        let first = function.chars().next()?;
        let is_called = first.is_alphabetic() || first == '_';
        let is_operator = OPERATORS.contains(&function.as_str());
        (is_called && !is_operator).then_some(Call { start, opening, closing: closing? })
    }

    /// What is called, with what it is an attribute of.
    fn function(&self, call: &Call) -> String {
        self.text(call.start, call.opening)
    }

    fn arguments(&self, call: &Call) -> String {
        self.text(call.opening + 1, call.closing)
    }

    /// The line with something awaited in place of a call.
    fn replaced(&self, call: &Call, awaited: &str) -> String {
        let (before, after) =
            (self.text(0, call.start), self.text(call.closing + 1, self.signs.len()));
        let after = after.trim_end();
        match after.chars().next() {
            Some('.' | '[' | '(') => format!("{before}({awaited}){after}"),
            _ => format!("{before}{awaited}{after}"),
        }
    }

    /// The words of the code, and where each begins.
    fn words(&self) -> Vec<(usize, String)> {
        let mut words: Vec<(usize, String)> = Vec::new();
        let mut is_in_word = false;
        for (at, &sign) in self.signs.iter().enumerate() {
            let is_of_word =
                self.is_code.get(at) == Some(&true) && (sign.is_alphanumeric() || sign == '_');
            match words.last_mut() {
                Some((_, word)) if is_of_word && is_in_word => word.push(sign),
                _ if is_of_word => words.push((at, String::from(sign))),
                _ => {}
            }
            is_in_word = is_of_word;
        }
        words
    }

    fn is_first_word(&self, word: &str) -> bool {
        self.words().first().is_some_and(|(_, first)| first == word)
    }

    fn depth(&self, at: usize) -> usize {
        let is_around = |opening: &usize| {
            let closing = self.pairs.get(*opening).copied().flatten();
            closing.is_some_and(|closing| *opening < at && at < closing)
        };
        (0..at.min(self.signs.len())).filter(is_around).count()
    }

    /// Whether a part of it runs at another time or place than the rest.
    fn has_own_scope(&self) -> bool {
        let is_own = |(at, word): &(usize, String)| {
            OWN_SCOPE.contains(&word.as_str()) || (word == "for" && self.depth(*at) > 0)
        };
        let words = self.words();
        let is_defined = words.first().is_some_and(|(_, word)| word == "def" || word == "class");
        is_defined
            || words.iter().any(is_own)
            || self.text(0, self.signs.len()).contains(":=")
            || self.is_code_at(0, '@')
    }

    /// What stands before the one expression of the line, and the expression.
    fn expression(&self) -> Option<(String, String)> {
        let is_outside = |at: &usize| self.depth(*at) == 0 && self.is_code.get(*at) == Some(&true);
        let outside: Vec<usize> = (0..self.signs.len()).filter(is_outside).collect();
        let is_operator = |at: &usize| {
            let near = |at: Option<usize>| at.and_then(|at| self.sign(at)).unwrap_or(' ');
            let (before, after) = (near(at.checked_sub(1)), near(Some(at + 1)));
            self.sign(*at) == Some('=') && !"=!<>+-*/%&|^@:".contains(before) && after != '='
        };
        let start = match outside.iter().copied().rfind(is_operator) {
            Some(assignment) => assignment + 1,
            None if self.is_first_word("return") => self.words().first()?.0 + "return".len(),
            None => 0,
        };
        let rest = self.text(start, self.signs.len());
        let start = start + rest.chars().take_while(|sign| sign.is_whitespace()).count();
        let expression = rest.trim().to_owned();
        let first: String = expression.chars().take_while(|sign| sign.is_alphanumeric()).collect();
        let is_statement =
            STATEMENTS.contains(&first.as_str()) && !expression.starts_with("print(");
        let is_split = |at: &usize| {
            *at >= start && matches!(self.sign(*at), Some(',' | ':'))
                || self.sign(*at) == Some(';')
                || {
                    // An augmented assignment is none of an expression.
                    start == 0
                        && self.sign(*at) == Some('=')
                        && self.sign(*at + 1) != Some('=')
                        && at
                            .checked_sub(1)
                            .and_then(|at| self.sign(at))
                            .is_some_and(|sign| "+-*/%&|^@".contains(sign))
                }
        };
        let is_plain = !expression.is_empty() && !is_statement && !outside.iter().any(is_split);
        is_plain.then(|| (self.text(0, start), expression))
    }
}

fn set(pairs: &mut [Option<usize>], at: usize, other: usize) {
    if let Some(pair) = pairs.get_mut(at) {
        *pair = Some(other);
    }
}

const fn closes(opening: char, closing: char) -> bool {
    matches!((opening, closing), ('(', ')') | ('[', ']') | ('{', '}'))
}

fn is_of_name(sign: char) -> bool {
    sign.is_alphanumeric() || matches!(sign, '_' | '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_with_a_twin_is_awaited() {
        for (line, expected) in [
            ("time.sleep(0.5)", Some("await asyncio.sleep(0.5)")),
            (
                "with open(p) as f: time.sleep(1)  # a nap",
                Some("with open(p) as f: await asyncio.sleep(1)"),
            ),
            (
                "found = socket.getaddrinfo(host, 80)[0]",
                Some("found = (await asyncio.get_running_loop().getaddrinfo(host, 80))[0]"),
            ),
            ("found = socket.getaddrinfo(host, 80, socket.AF_INET)", None),
            ("mytime.sleep(0.5)", None),
            ("log(\"time.sleep(0.5)\")", None),
            ("nap = lambda: time.sleep(1)", None),
            ("all(time.sleep(1) for _ in x)", None),
            ("data = parse(blob)", None),
        ] {
            let edited = asynchronous(line).map(|(edited, _)| edited);
            assert_eq!(edited.as_deref(), expected, "{line}");
        }
    }

    #[test]
    fn the_call_that_blocks_goes_to_a_thread() {
        for (line, callee, expected) in [
            ("parse(blob)", "parse", "await asyncio.to_thread(parse, blob)"),
            ("self.flush()", "flush", "await asyncio.to_thread(self.flush)"),
            (
                "a, b = x.load(\")\", n=(1, 2))",
                "load",
                "a, b = await asyncio.to_thread(x.load, \")\", n=(1, 2))",
            ),
            (
                "return requests.get(url).json()",
                "get",
                "return (await asyncio.to_thread(requests.get, url)).json()",
            ),
            (
                "rows = pool.get(1).fetch(sql)[0]",
                "fetch",
                "rows = (await asyncio.to_thread(pool.get(1).fetch, sql))[0]",
            ),
            (
                "if ready and parse(blob):",
                "parse",
                "if ready and await asyncio.to_thread(parse, blob):",
            ),
            ("show(parse(blob), 1)", "parse", "show(await asyncio.to_thread(parse, blob), 1)"),
        ] {
            assert_eq!(in_thread(line, Callee::Named(callee)).as_deref(), Some(expected));
        }
        assert_eq!(
            in_thread("p = P(1).name", Callee::Unnamed).as_deref(),
            Some("p = (await asyncio.to_thread(P, 1)).name")
        );
    }

    #[test]
    fn all_of_the_expression_goes_there_when_any_of_it_may_block() {
        for (line, expected) in [
            ("x = f(a)", "x = await asyncio.to_thread(f, a)"),
            ("return open(p).read()", "return await asyncio.to_thread(lambda: open(p).read())"),
            ("x = a.b", ""),
            ("total = f(a) + f(b)", "total = await asyncio.to_thread(lambda: f(a) + f(b))"),
            ("x: int = f(a)[0]", "x: int = await asyncio.to_thread(lambda: f(a)[0])"),
            ("ok = f(a) == f(b)", "ok = await asyncio.to_thread(lambda: f(a) == f(b))"),
            ("f(a).g(k=1)", "await asyncio.to_thread(lambda: f(a).g(k=1))"),
            ("x = f(a), g(b)", ""),
            ("x += f(a)", ""),
            ("x = super().f(a)", ""),
            ("if f(a):", ""),
            ("raise f(a)", ""),
            ("not f(a)", "await asyncio.to_thread(lambda: not f(a))"),
            // Of an expression that other lines begin or end.
            ("+ f(a)", ""),
            ("and f(a)", ""),
            ("not in f(a)", ""),
            ("if f(a) else b", ""),
            ("*f(a)", ""),
            ("f(a) +", ""),
            ("f(a) or", ""),
            // What blocks may be a call that is not in the last expression.
            ("x = f(a); y = g(b)", ""),
            ("cache[f(k)] = g(v)", ""),
            ("if f(a): x = g(b)", ""),
        ] {
            assert_eq!(in_thread(line, Callee::Unknown).unwrap_or_default(), expected, "{line}");
        }
    }

    #[test]
    fn a_definition_in_one_line_has_its_statement_behind_it() {
        let split = statement("async def f(x: int) -> str: return g(x)");
        assert_eq!(split, ("async def f(x: int) -> str: ", "return g(x)"));
        assert_eq!(statement("x: int = f(a)"), ("", "x: int = f(a)"));
        assert_eq!(called("return open(p).read()"), ["open", "read"]);
    }

    #[test]
    fn what_is_not_simple_is_left_alone() {
        for line in [
            "with parse(path) as file:",
            "for row in parse(path):",
            "total = parse(a) + parse(b)",
            "parse(x for x in many)",
            "await parse(url)",
            "parse(",
            "(lambda: parse(1))()",
            "def parse(x):",
            "@parse(1)",
            "x = \"parse(1)\"",
            "x = 1",
        ] {
            assert_eq!(in_thread(line, Callee::Named("parse")), None, "{line}");
            let is_known = line.starts_with("total");
            assert_eq!(in_thread(line, Callee::Unknown).is_some(), is_known, "{line}");
        }
    }
}
