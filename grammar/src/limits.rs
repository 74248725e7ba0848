//! Bounds on what is parsed, checked on the tokens before the grammar runs.
//!
//! The grammar and every pass over the tree are recursive, so the height of the tree must be bounded.
//! [`check`] bounds it from above without parsing: it counts, for every open bracket, the words that
//! nest to the right (`not`, `if`, `all`, `set of`, …) and the operators of the current expression.
//! Both counts start anew where no expression can go on: at separators, and where a line starts with a
//! word that is no operator although an operand came before.

use crate::diagnostics;
use crate::lexer::{Kind, Token};
use arch_base::{Diagnostic, FileId, Span};

/// The largest file, in bytes: 16 MiB.
pub const MAX_BYTES: usize = 16 << 20;
/// How deep brackets and right-nesting words may be nested.
pub const MAX_DEPTH: usize = 128;
/// How many operators, field accesses and calls one expression may have.
pub const MAX_TERMS: usize = 500;

/// What is counted inside one bracket.
#[derive(Clone, Copy, Default)]
struct Level {
    /// Open words that extend as far right as possible: `if`, `all`, `implies`, `set of`.
    loose: usize,
    /// Open prefixes that end at `and` or `or`: `not`, `-`.
    tight: usize,
    /// Operators of the current expression.
    operators: usize,
    /// The height of the highest bracket that the current expression holds.
    nested: usize,
    /// The height of the highest expression before the current one.
    highest: usize,
}

impl Level {
    fn height(&self) -> usize {
        self.loose + self.tight + self.operators + self.nested
    }

    /// Ends the current expression.
    fn restart(&mut self) {
        *self = Level { highest: self.highest.max(self.height()), ..Level::default() };
    }
}

/// What a token means for the counts.
enum Role {
    /// Ends an operand: a name, number, closing bracket.
    Operand,
    /// Stands between operands and takes part in a chain: `and`, `+`, `.`.
    Operator,
    /// Stands after an operand and takes part in a chain: `?`.
    Suffix,
    /// `and`, `or`: also ends open prefixes.
    Junction,
    /// `implies`: takes part in a chain and nests to the right.
    Implication,
    /// `not`, unary `-`.
    Prefix,
    /// `if`, `all`, `set of`: nests to the right.
    Opener,
    /// `where`, `then`, `of`, `:`: an operand follows.
    Link,
    /// `,`, `;`, `:=`: ends the expression.
    Separator,
    /// `->`: ends a step, but not a type.
    Arrow,
    /// `(`, `[`, `{`
    Open,
    /// `)`, `]`, `}`
    Close,
}

/// Refuses a text that is nested too deeply or has too long an expression.
pub(crate) fn check(file: FileId, text: &str, tokens: &[Token]) -> Result<(), Diagnostic> {
    let mut scan = Scan { text, levels: vec![Level::default()], after_operand: false };
    let mut depth = 0;
    for (index, token) in tokens.iter().enumerate() {
        if token.kind == Kind::Comment {
            continue;
        }
        if scan.starts_anew(tokens, index) {
            depth -= scan.restart();
        }
        let role = scan.role(tokens, index);
        depth = scan.step(&role, depth);
        let span = Span::new(file, token.start, token.end);
        if depth > MAX_DEPTH {
            return Err(diagnostics::too_deep(span));
        }
        if scan.top().height() > MAX_TERMS {
            return Err(diagnostics::too_many_terms(span));
        }
    }
    Ok(())
}

struct Scan<'t> {
    text: &'t str,
    /// One for the file and one for each open bracket.
    levels: Vec<Level>,
    /// Whether the last token ended an operand.
    after_operand: bool,
}

impl Scan<'_> {
    fn top(&mut self) -> &mut Level {
        self.levels.last_mut().expect("the file's own level is never closed")
    }

    /// Ends the current expression and returns by how much that lowers the depth.
    fn restart(&mut self) -> usize {
        let level = self.top();
        let open = level.loose + level.tight;
        level.restart();
        open
    }

    /// Whether a line starts here with a word that cannot continue an expression.
    fn starts_anew(&self, tokens: &[Token], index: usize) -> bool {
        let token = &tokens[index];
        if index == 0 || !self.after_operand || token.kind != Kind::Word {
            return false;
        }
        let gap = &self.text[tokens[index - 1].end as usize..token.start as usize];
        let first_of_line = gap.contains('\n') || tokens[index - 1].kind == Kind::Comment;
        first_of_line && !continues(token.of(self.text))
    }

    fn role(&self, tokens: &[Token], index: usize) -> Role {
        let token = &tokens[index];
        let before = index.checked_sub(1).map(|i| tokens[i].of(self.text));
        let next = tokens.get(index + 1);
        match token.kind {
            Kind::Word if before == Some(".") => Role::Operand,
            Kind::Word => {
                let gap = |t: &Token| &self.text[token.end as usize..t.start as usize];
                let follows = next.filter(|t| t.kind == Kind::Word);
                let on_line = follows.is_some_and(|t| !gap(t).contains('\n'));
                word_role(token.of(self.text), follows.is_some(), on_line, self.after_operand)
            }
            Kind::Punct => {
                let adjacent = next.filter(|t| t.start == token.end).map(|t| t.of(self.text));
                punct_role(token.of(self.text), adjacent, self.after_operand)
            }
            _ => Role::Operand,
        }
    }

    /// Takes one token into account and returns the new depth.
    fn step(&mut self, role: &Role, depth: usize) -> usize {
        let after_operand = self.after_operand;
        self.after_operand = matches!(role, Role::Operand | Role::Suffix | Role::Close);
        match role {
            Role::Open => return self.open(after_operand, depth),
            Role::Close => return self.close(depth),
            Role::Separator => return depth - self.restart(),
            _ => {}
        }
        let level = self.top();
        let before = level.loose + level.tight;
        match role {
            Role::Operator | Role::Suffix => level.operators += 1,
            Role::Junction => {
                level.operators += 1;
                level.tight = 0;
            }
            Role::Implication => {
                level.operators += 1;
                level.loose += 1;
                level.tight = 0;
            }
            Role::Prefix => level.tight += 1,
            Role::Opener => {
                level.loose += level.tight + 1;
                level.tight = 0;
            }
            Role::Arrow => level.operators = 0,
            _ => {}
        }
        depth - before + level.loose + level.tight
    }

    fn open(&mut self, after_operand: bool, depth: usize) -> usize {
        self.top().operators += usize::from(after_operand);
        self.levels.push(Level::default());
        depth + 1
    }

    fn close(&mut self, depth: usize) -> usize {
        if self.levels.len() == 1 {
            return depth;
        }
        let closed = self.levels.pop().expect("checked above");
        let height = closed.highest.max(closed.height()) + 1;
        let level = self.top();
        level.nested = level.nested.max(height);
        depth - 1 - closed.loose - closed.tight
    }
}

/// Whether a word at the start of a line may continue the expression before it.
fn continues(word: &str) -> bool {
    matches!(
        word,
        "and"
            | "or"
            | "implies"
            | "in"
            | "not"
            | "is"
            | "at"
            | "mod"
            | "where"
            | "then"
            | "else"
            | "for"
            | "of"
            | "max"
    )
}

/// `word_follows` says whether the next token is a word, `on_line` whether it is on the same line.
fn word_role(word: &str, word_follows: bool, on_line: bool, after_operand: bool) -> Role {
    match word {
        "not" if after_operand => Role::Link,
        "not" => Role::Prefix,
        "and" | "or" => Role::Junction,
        "implies" => Role::Implication,
        "in" | "mod" | "is" | "at" => Role::Operator,
        "if" | "count" => Role::Opener,
        "all" | "any" | "no" if on_line => Role::Opener,
        "set" | "map" | "seq" if word_follows => Role::Opener,
        "where" | "then" | "else" | "for" | "of" => Role::Link,
        _ => Role::Operand,
    }
}

fn punct_role(punct: &str, adjacent: Option<&str>, after_operand: bool) -> Role {
    match punct {
        "(" | "[" | "{" => Role::Open,
        ")" | "]" | "}" => Role::Close,
        "," | ";" => Role::Separator,
        ":" if adjacent == Some("=") => Role::Separator,
        "-" if adjacent == Some(">") => Role::Arrow,
        "-" if !after_operand => Role::Prefix,
        "?" => Role::Suffix,
        "." | "+" | "-" | "*" | "=" | "<" | ">" => Role::Operator,
        _ => Role::Link,
    }
}
