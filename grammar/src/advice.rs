//! What the author of a text that does not parse probably meant: the operators, words and layouts of other
//! languages and of notes, and what is written here instead.

use crate::lexer::{self, Kind};
use crate::recover;
use arch_base::nearest::nearest;

/// Where a text stops being a spec.
struct Place<'t> {
    /// The text up to there, without white space at its end.
    before: &'t str,
    /// The last line of `before`.
    line: &'t str,
    /// The text from there.
    rest: &'t str,
    /// The word with which `rest` starts; empty if it starts with none.
    word: &'t str,
    /// What could have stood there.
    expected: &'t [String],
    /// Whether it is the first of its line.
    starts_line: bool,
}

impl Place<'_> {
    fn wants(&self, what: &str) -> bool {
        self.expected.iter().any(|e| e == what)
    }

    /// The words of the last line, last first.
    fn words_back(&self) -> impl Iterator<Item = &str> {
        self.line.split(|c: char| !c.is_alphanumeric() && c != '_').rev().filter(|w| !w.is_empty())
    }
}

type Rule = fn(&Place<'_>) -> Option<String>;

/// Tried in order: the special before the general.
const RULES: [Rule; 16] = [
    comment,
    arrow,
    quantifier,
    chain,
    guard,
    assignment,
    range,
    symbol,
    word,
    quoted,
    property,
    instances,
    built,
    condition_of_if,
    near_word,
    unclosed,
];

/// What to write instead at byte `offset` of `text`, where one of `expected` could have stood.
pub(crate) fn advice(text: &str, offset: usize, expected: &[String]) -> Option<String> {
    let rest = text.get(offset..)?;
    let before = text.get(..offset)?.trim_end();
    let line = &before[before.rfind('\n').map_or(0, |n| n + 1)..];
    let first = lexer::lex(rest.lines().next().unwrap_or_default()).first().copied();
    let word = first.filter(|t| t.kind == Kind::Word && t.start == 0).map_or("", |t| t.of(rest));
    let starts_line = rest.is_empty() || text[before.len()..offset].contains('\n');
    let place = Place { before, line, rest, word, expected, starts_line };
    RULES.iter().find_map(|rule| rule(&place))
}

fn comment(p: &Place<'_>) -> Option<String> {
    let foreign = ["#", "--", "/*", "(*", ";;"].iter().any(|s| p.rest.starts_with(s));
    let arrow = p.rest.starts_with("-->");
    (foreign
        && !arrow
        && !p.wants("an expression")
        && (p.wants("a declaration") || !p.rest.starts_with("--")))
    .then(|| "a comment starts with `//` and ends with its line".to_owned())
}

/// Arrows between the steps of a chain.
fn arrow(p: &Place<'_>) -> Option<String> {
    if p.wants("`leads`") && (p.rest.starts_with("~>") || p.word == "leadsto") {
        return Some("write `P leads to Q`".to_owned());
    }
    if p.rest.starts_with("->") && p.wants("an operator") {
        return Some("implication is the word `implies`".to_owned());
    }
    let hand_off = ["-->", "→", "⟶", "➔", "➜", "—>", "–>", "↦", "~>"];
    if hand_off.iter().any(|s| p.rest.starts_with(s)) {
        return Some("the hand-off to the next step is written `->`, a branch `|->`".to_owned());
    }
    if ["⇒", "==>"].iter().any(|s| p.rest.starts_with(s)) {
        return Some("an outcome is written `=> done`; implication is the word `implies`".to_owned());
    }
    if p.rest.starts_with("->") && p.before.ends_with('=') {
        return Some("a hand-off is written `->`, an outcome `=> done`".to_owned());
    }
    let branch =
        "a branch `|->` hangs on a complete chain: end the chain before it, or name its outcome first";
    p.rest.starts_with("|->").then(|| branch.to_owned())
}

/// `all x D: P`, `forall x in D: P`, `exists x in D: P`.
fn quantifier(p: &Place<'_>) -> Option<String> {
    let words: Vec<&str> = p.words_back().take(4).collect();
    let colon = p.rest.starts_with(':') || p.rest.starts_with('.');
    match words.as_slice() {
        [domain, name, quantifier @ ("all" | "any" | "no"), ..] if colon && *name != "in" => {
            Some(format!("a quantifier needs `in`: `{quantifier} {name} in {domain}: …`"))
        }
        [domain, "in", name, foreign, ..] if colon => {
            let ours = match foreign.to_lowercase().as_str() {
                "forall" | "every" | "each" => "all",
                "exists" | "some" => "any",
                "none" => "no",
                _ => return None,
            };
            Some(format!("write `{ours} {name} in {domain}: …`"))
        }
        _ => None,
    }
}

/// The parts of a chain in a protocol.
fn chain(p: &Place<'_>) -> Option<String> {
    let step = "a step is written `actor[operation {guard}]`";
    let after_step = p.wants("`->`") && p.wants("`=>`");
    if after_step && p.rest.starts_with('{') {
        return Some(format!("{step}: the guard stands inside the brackets"));
    }
    if after_step && !p.word.is_empty() {
        return Some("the steps of a chain are joined by `->`".to_owned());
    }
    if p.rest.starts_with('[') && p.line.contains("=>") {
        return Some("`=>` names how the run ends, as in `=> done`; the next step follows `->`".to_owned());
    }
    if p.expected == ["`[`"] && p.before.contains("->") && p.rest.starts_with(['}', '|']) {
        return Some(format!("{step}; how a run ends is written `=> done`"));
    }
    let ended = p.wants("`|->`") && !p.wants("`->`");
    if ended && ["->", "=>", "|"].iter().any(|s| p.rest.starts_with(s)) {
        return Some(
            "the outcome ends the chain; a branch of it is written `|-> actor[operation {guard}] => …`"
                .to_owned(),
        );
    }
    (p.expected == ["`[`"]).then(|| step.to_owned())
}

/// The braces of a guard, and what stands in them.
fn guard(p: &Place<'_>) -> Option<String> {
    if p.rest.starts_with('(') && p.wants("`]`") && p.wants("`{`") {
        return Some("a guard is written in braces: `actor[operation {guard}]`".to_owned());
    }
    if p.rest.starts_with(['}']) && p.before.ends_with('{') && p.wants("an expression") {
        return Some("a step without a guard has no braces: `actor[operation]`".to_owned());
    }
    if p.rest.starts_with([',', ';']) && p.wants("`}`") && p.wants("an operator") && p.line.contains('[') {
        return Some("conditions are joined by `and` or `or`".to_owned());
    }
    let (opened, closed) = (p.line.matches('(').count(), p.line.matches(')').count());
    if p.rest.starts_with(')') && opened <= closed {
        return Some("this `)` closes nothing".to_owned());
    }
    let closing = [("]", "`}`"), (")", "`}`"), ("}", "`)`"), ("]", "`)`"), ("}", "`]`"), (")", "`]`")];
    let missing = closing.iter().find(|(found, wanted)| p.rest.starts_with(found) && p.wants(wanted));
    missing.map(|(found, wanted)| format!("close what is open inside first: {wanted} before `{found}`"))
}

/// Statements of an effect.
fn assignment(p: &Place<'_>) -> Option<String> {
    if p.rest.starts_with(":=") && p.wants("an operator") {
        return Some("`:=` assigns; equality is written `=`".to_owned());
    }
    if p.rest.starts_with(":=") && p.expected == ["`=`"] {
        return Some("a `let` is written `let x = e`; `:=` changes something".to_owned());
    }
    if p.rest.starts_with(',') && (p.wants("`:=`") || p.wants("a statement")) {
        return Some(
            "statements on one line have `;` between them, and each assigns to one place".to_owned(),
        );
    }
    if !p.wants("`:=`") {
        return None;
    }
    let target = p.line.rsplit([' ', '{', ';']).next().unwrap_or_default();
    if ["++", "--", "+=", "-=", "+", "-"].iter().any(|s| p.rest.starts_with(s)) {
        let sign = &p.rest[..1];
        return Some(format!("write `{target} := {target} {sign} 1`; nothing else changes a value in place"));
    }
    if p.rest.starts_with('\'') {
        return Some("an effect assigns: `x := e`; `old(x)` is the value before the step".to_owned());
    }
    if p.words_back().next().is_some_and(|w| matches!(w, "elif" | "elsif" | "elseif"))
        || p.line.ends_with("elif")
    {
        return Some("write `else if`".to_owned());
    }
    let foreign = ["=", ":", "<-", "←"].iter().any(|s| p.rest.starts_with(s)) && !p.rest.starts_with("==");
    if foreign {
        return Some("an effect or definition is written `:=`; `=` compares".to_owned());
    }
    let lone = p.rest.starts_with(['}', ';']) || !p.word.is_empty();
    (lone && p.wants("`.`")).then(|| "a statement is `x := e`, `advance x`, `if P { … }`, `for x in D { … }`, `pick x in D` or `let x = e`".to_owned())
}

/// Ranges as other languages write them, and numbers that are no integers.
fn range(p: &Place<'_>) -> Option<String> {
    let digit = |text: &str, at: usize| text.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
    let after_number = p.before.ends_with(|c: char| c.is_ascii_digit());
    if p.rest.starts_with('.') && digit(p.rest, 1) && after_number {
        return Some("numbers are integers".to_owned());
    }
    if p.before.ends_with("..") && p.rest.starts_with(['=', '<']) {
        return Some("both ends of `lo..hi` belong to it".to_owned());
    }
    if p.before.ends_with("..") && p.rest.starts_with('.') {
        return Some("a range is written `lo..hi`".to_owned());
    }
    let alone = p.expected == ["an operator"];
    if alone && after_number && p.line.contains('-') {
        return Some("a range is written `lo..hi`".to_owned());
    }
    let unit = p.rest.trim_start_matches(|c: char| c.is_ascii_digit());
    (unit.len() < p.rest.len() && unit.starts_with(char::is_alphabetic))
        .then(|| "a number has no unit; time is counted in ticks: `now + 2`".to_owned())
}

/// Operators of other languages.
fn symbol(p: &Place<'_>) -> Option<String> {
    if p.rest.starts_with('>') && p.before.ends_with('<') {
        return Some("write `!=`".to_owned());
    }
    if p.rest.starts_with('<') && p.before.ends_with('=') {
        return Some("write `<=`".to_owned());
    }
    if let Some(range) = optional_range(p) {
        return Some(format!("an optional range has no parentheses: `{range}?`"));
    }
    if p.rest.starts_with("=>") && p.wants("an operator") {
        return Some("`>=` compares, and implication is the word `implies`".to_owned());
    }
    let table = [
        ("==", "equality is written `=`"),
        ("&&", "write `and`"),
        ("||", "write `or`"),
        ("!=", "`!=` compares two values"),
        ("!", "write `not`"),
        ("≠", "write `!=`"),
        ("≤", "write `<=`"),
        ("≥", "write `>=`"),
        ("∧", "write `and`"),
        ("/\\", "write `and`"),
        ("∨", "write `or`"),
        ("\\/", "write `or`"),
        ("¬", "write `not`"),
        ("~", "write `not`"),
        ("∈", "write `in`"),
        ("∉", "write `not in`"),
        ("∀", "write `all x in D: P`"),
        ("∃", "write `any x in D: P`"),
        ("×", "write `*`"),
        ("−", "minus is the plain `-`"),
        ("–", "minus is the plain `-`"),
        ("“", "quoted text stands between plain `\"`"),
        ("”", "quoted text stands between plain `\"`"),
        ("'", "quoted text stands between plain `\"`; constants are bare words"),
        ("%", "write `mod`"),
        ("/", "there is no division: compare products instead"),
        ("?", "write `if P then a else b`"),
    ];
    table.iter().find(|(s, _)| p.rest.starts_with(s)).map(|(_, help)| (*help).to_owned())
}

/// The range of `(lo..hi)?`.
fn optional_range<'t>(p: &Place<'t>) -> Option<&'t str> {
    let (_, range) = p.before.strip_suffix(')').filter(|_| p.rest.starts_with('?'))?.rsplit_once('(')?;
    range.contains("..").then_some(range)
}

/// Words that are known in lower case, or by another name.
fn word(p: &Place<'_>) -> Option<String> {
    if p.wants("a name") && p.words_back().next() == Some("count") && !p.rest.starts_with('(') {
        return Some("`count` begins `count x in D where P`: call what is yours something else".to_owned());
    }
    let lower = p.word.to_lowercase();
    let operator = matches!(lower.as_str(), "and" | "or" | "not" | "in" | "implies" | "mod");
    if operator && lower != p.word {
        return Some(format!("write `{lower}`"));
    }
    if lower == "foreach" && p.wants("`for`") {
        return Some("write `for each`".to_owned());
    }
    let declaration = p.wants("a declaration");
    let ours = match lower.as_str() {
        "invariant" | "assert" | "assertion" | "theorem" | "safety" | "liveness" => "property NAME: always P",
        "state" | "var" | "variable" | "variables" | "entity" | "table" | "object" => "truth NAME { a: T }",
        "type" => "enum NAME { A, B }",
        "process" | "node" | "participant" | "service" => "actor NAME",
        "action" | "effect" | "when" => "on OPERATION { x := e }",
        "fn" | "func" | "function" | "def" | "macro" | "predicate" => "define NAME(x: T) := e",
        "constant" | "constants" | "let" => "const NAME = 2",
        "init" => "truth X { a: T = v }",
        _ => "",
    };
    if declaration && !ours.is_empty() {
        return Some(format!("here that is written `{ours}`"));
    }
    let statement =
        p.rest[p.word.len()..].trim_start_matches(|c: char| c.is_alphanumeric() || "._".contains(c));
    if declaration && !p.word.is_empty() && statement.trim_start().starts_with(":=") {
        return Some("an assignment stands in an effect: `on OPERATION { x := e }`".to_owned());
    }
    (declaration && !p.word.is_empty() && statement.starts_with('['))
        .then(|| "steps stand in a protocol: `protocol NAME { actor[operation {guard}] => done }`".to_owned())
}

fn quoted(p: &Place<'_>) -> Option<String> {
    if !p.rest.starts_with('"') {
        return None;
    }
    let line = p.rest.lines().next().unwrap_or_default();
    let closed = line.len() > 1 && lexer::lex(line)[0].of(line).ends_with('"') && lexer::lex(line)[0].end > 1;
    Some(match (closed, p.wants("an expression"), p.before.ends_with("archetype")) {
        (true, true, _) => {
            "a value is a bare word, such as a constant of an enum: `status: { READY, DONE }`".to_owned()
        }
        (true, _, true) => "a short name comes first: `archetype I02 \"…\"`".to_owned(),
        (true, ..) => "a quoted text cannot stand here".to_owned(),
        (false, ..) => {
            "a quoted text ends on its line with `\"`; inside it only `\\\"` and `\\\\` are escapes"
                .to_owned()
        }
    })
}

fn property(p: &Place<'_>) -> Option<String> {
    let mut words: Vec<&str> = p.words_back().collect();
    words.reverse();
    let forms = "a property is `always P`, `never P`, `reachable P`, `eventually P`, … or `P leads to Q`";
    match words.as_slice() {
        ["property", ..] if p.expected == ["`:`"] => {
            Some("a property has a name: `property NAME: always P`".to_owned())
        }
        ["property", _, form, ..] if p.expected.is_empty() => {
            let known = ["always", "never", "reachable", "eventually", "monotonic", "after", "at"];
            let near = nearest(form, known).first().map(|w| format!("did you mean `{w}`? "));
            Some(format!("{}{forms}", near.unwrap_or_default()))
        }
        _ => p.wants("`leads`").then(|| forms.to_owned()),
    }
}

/// `actor worker(2)`, `actor worker x 2`, `actor worker[2]`.
fn instances(p: &Place<'_>) -> Option<String> {
    let mut words = p.words_back();
    let (name, kind) = (words.next()?, words.next()?);
    let number = p.rest.trim_start_matches(['(', '[', 'x', ':', '=', ' ']);
    (matches!(kind, "actor" | "id") && p.wants("`*`") && number.starts_with(|c: char| c.is_ascii_digit()))
        .then(|| format!("the number of instances follows `*`: `{kind} {name} * 2`"))
}

fn condition_of_if(p: &Place<'_>) -> Option<String> {
    let statement = p.wants("`as`") && p.wants("`{`");
    statement.then(|| "what an `if` does stands in braces: `if P { x := e }`".to_owned())
}

/// A misspelt keyword: of a declaration, or among the words that could have stood there.
fn near_word(p: &Place<'_>) -> Option<String> {
    if p.word.is_empty() {
        return None;
    }
    if p.wants("a fault") {
        return Some(
            "faults are `crash A`, `lose STEP`, `duplicate STEP`, `skew A by n` and `partition A from B`"
                .to_owned(),
        );
    }
    let after = p.rest[p.word.len()..].trim_start_matches(' ');
    if after.starts_with('.') {
        return None;
    }
    let quoted = p.expected.iter().filter_map(|e| e.strip_prefix('`')?.strip_suffix('`'));
    let mut known: Vec<&str> = quoted.filter(|w| w.starts_with(char::is_alphabetic)).collect();
    recover::item_words().filter(|_| p.wants("a declaration")).for_each(|word| known.push(word));
    let near = nearest(p.word, known);
    if p.wants("a declaration") && after.starts_with('{') && !near.contains(&"faults") {
        return Some(format!("an effect is written `on {} {{ x := e }}`", p.word));
    }
    near.first().map(|w| format!("did you mean `{w}`?"))
}

/// What is called or built as in other languages.
fn built(p: &Place<'_>) -> Option<String> {
    let last = p.words_back().next().filter(|w| p.line.ends_with(w))?;
    if p.rest.starts_with('(') && last == "count" {
        return Some("write `count x in D where P`".to_owned());
    }
    if p.rest.starts_with('(') && p.words_back().nth(1) == Some("truth") {
        return Some(format!("the keys of a truth object stand in brackets: `truth {last}[worker] {{ … }}`"));
    }
    let value = p.rest.starts_with('{') && p.wants("an operator") && last.starts_with(char::is_uppercase);
    value.then(|| format!("a value of a record is written `{last}(a: 1)`"))
}

fn unclosed(p: &Place<'_>) -> Option<String> {
    (p.wants("`}`") && p.starts_line).then(|| "a `{` before this place is not closed: add `}`".to_owned())
}
