//! Names: what is declared twice, not at all, or not here.

use super::{all_of, one_of, suggest};
use crate::analyzer::Analyzer;
use crate::codes;
use crate::scope::Scope;
use crate::tables::{NamedType, Tables};
use arch_base::nearest::nearest;
use arch_base::{Diagnostic, Span};
use arch_grammar::ast::{Ident, OpRef};
use arch_ir::{SortId, Type};

/// A name is declared twice.
pub fn duplicate(name: &Ident, what: &str, earlier: Span) -> Diagnostic {
    Diagnostic::error(codes::DUPLICATE_NAME, format!("the {what} `{}` is declared twice", name.name))
        .at(name.span, "declared again here")
        .see(earlier, "first declared here")
        .help("rename one of them, or remove it")
}

/// `a truth object`, `an actor`.
fn a(noun: &str) -> String {
    let article = if noun.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {noun}")
}

/// A name that is declared as two kinds of things.
pub fn two_kinds(name: &str, span: Span, what: &str, earlier: Span, kind: &str) -> Diagnostic {
    Diagnostic::error(
        codes::DUPLICATE_NAME,
        format!("`{name}` is declared as {} and as {}", a(kind), a(what)),
    )
    .at(span, format!("declared as {} here", a(what)))
    .see(earlier, format!("declared as {} here", a(kind)))
    .help("rename one of them: a bare name means one thing")
}

/// A definition of a function that is built in.
pub fn built_in_function(name: &Ident) -> Diagnostic {
    Diagnostic::error(codes::DUPLICATE_NAME, format!("the function `{}` is built in", name.name))
        .at(name.span, "defined again here")
        .help("give it another name")
}

/// A postfix word or relation that is defined again for the type that picks the definition.
pub fn defined_twice(word: &Ident, what: &str, ty: &str, earlier: Span) -> Diagnostic {
    Diagnostic::error(codes::DUPLICATE_NAME, format!("the {what} `{}` is defined twice for {ty}", word.name))
        .at(word.span, "defined again here")
        .see(earlier, "first defined here")
        .help("rename one of them, or remove it")
}

/// A name in a constant expression that is no constant.
pub fn unknown_constant_name(name: &Ident, tables: &Tables<'_>) -> Diagnostic {
    let error = Diagnostic::error(codes::UNKNOWN_WORD, format!("there is no constant `{}`", name.name))
        .at(name.span, "not declared before this place");
    let error = suggest(error, &name.name, tables.consts.keys().map(String::as_str));
    error.help(format!("declare it: `const {} = 1`", name.name))
}

/// A type that is not declared.
pub fn unknown_type(name: &Ident, tables: &Tables<'_>) -> Diagnostic {
    let error = Diagnostic::error(codes::UNKNOWN_TYPE, format!("there is no type `{}`", name.name))
        .at(name.span, "not declared");
    if let Some(ours) = foreign_type(&name.name) {
        return error.help(format!("write {ours}"));
    }
    let known = tables.types.keys().map(String::as_str).chain(["bool", "tri", "time"]);
    suggest(error, &name.name, known)
        .help(format!(
            "declare it: `ordinal {0}`, `id {0} * 2`, `actor {0} * 2` or `enum {0} {{ A, B }}`",
            name.name
        ))
        .help("built in are `bool`, `tri`, `time`, `lo..hi`, `{ A, B }`, `set of T`, `map K -> V` and `seq of T max n`")
}

/// What is written here for a type of other languages.
fn foreign_type(name: &str) -> Option<&'static str> {
    Some(match name.to_lowercase().as_str() {
        "int" | "integer" | "nat" | "natural" | "number" | "uint" | "long" | "counter" | "u32" | "u64"
        | "i32" | "i64" => {
            "a range, such as `0..3`; for a number that only grows and is only compared, an `ordinal`"
        }
        "string" | "text" | "str" | "uuid" => {
            "an enum `{ A, B }`; for identities without a meaning of their own, `id NAME * 2`"
        }
        "boolean" => "`bool`",
        "timestamp" | "datetime" | "instant" | "date" | "clock" => "`time`",
        "duration" | "interval" => "a number of ticks, such as `const TTL = 2`",
        "list" | "array" | "queue" | "vec" => "`seq of T max 3`",
        _ => return None,
    })
}

/// An actor or role that is not declared.
pub fn unknown_actor(name: &Ident, tables: &Tables<'_>) -> Diagnostic {
    let error = Diagnostic::error(codes::UNKNOWN_ACTOR, format!("there is no actor or role `{}`", name.name))
        .at(name.span, "acts here, and is not declared");
    let sorts =
        tables.types.iter().filter(|(_, t)| matches!(t.kind, NamedType::Sort(_))).map(|(n, _)| n.as_str());
    let known = sorts.chain(tables.roles.keys().map(String::as_str));
    let error = suggest(error, &name.name, known);
    error.help(format!(
        "declare it: `actor {0}`; or `role {0} is …` if it is another name for an actor",
        name.name
    ))
}

/// An actor or id type that is not declared, where nobody acts.
pub fn unknown_sort(name: &Ident, tables: &Tables<'_>) -> Diagnostic {
    let error =
        Diagnostic::error(codes::UNKNOWN_ACTOR, format!("there is no actor or id type `{}`", name.name))
            .at(name.span, "not declared");
    let sorts =
        tables.types.iter().filter(|(_, t)| matches!(t.kind, NamedType::Sort(_))).map(|(n, _)| n.as_str());
    suggest(error, &name.name, sorts)
        .help(format!("declare it: `actor {0} * 2`, or `id {0} * 2` if it does nothing itself", name.name))
}

/// A truth object that is not declared, with the attribute that is read of it.
pub fn unknown_truth(name: &Ident, field: &Ident, tables: &Tables<'_>) -> Diagnostic {
    let error =
        Diagnostic::error(codes::UNKNOWN_TRUTH, format!("the truth object `{}` is not declared", name.name))
            .at(name.span, "used here, and not in the list of truth objects");
    let error = suggest(error, &name.name, tables.truths.keys().map(String::as_str));
    error.help(format!("add it to the truth: `truth {} {{ {} }}`", name.name, field.name))
}

/// A truth object that is not declared, named alone.
pub fn unknown_truth_name(name: &Ident, tables: &Tables<'_>) -> Diagnostic {
    let error =
        Diagnostic::error(codes::UNKNOWN_TRUTH, format!("the truth object `{}` is not declared", name.name))
            .at(name.span, "not declared");
    suggest(error, &name.name, tables.truths.keys().map(String::as_str))
        .help(format!("declare it: `truth {} {{ … }}`", name.name))
}

/// An attribute that its truth object does not list, with the type that it would have to have.
pub fn unknown_attribute(
    truth: &Ident,
    field: &Ident,
    expected: Option<&Type>,
    analyzer: &Analyzer<'_>,
) -> Diagnostic {
    let entry = &analyzer.tables.truths[&truth.name];
    let message = format!("`{}` has no attribute `{}`", truth.name, field.name);
    let error = Diagnostic::error(codes::UNKNOWN_ATTRIBUTE, message)
        .at(field.span, "not listed")
        .see(entry.span, format!("`{}` is declared here", truth.name));
    let near = nearest(&field.name, entry.attrs.keys().map(String::as_str));
    let error = match near.as_slice() {
        [] => error,
        near => error.help(format!("did you mean {}?", one_of(near))),
    };
    let elsewhere = attributes_named(&field.name, &analyzer.tables);
    let error = match elsewhere.as_slice() {
        [] => error,
        some => error.because(format!("note: {} is declared", one_of(some))),
    };
    let ty = declared_type(expected, analyzer);
    error.help(format!(
        "{}add it to `{}`: `{}{ty}`",
        if near.is_empty() { "" } else { "or " },
        truth.name,
        field.name
    ))
}

/// `T.a` for each truth object T that lists an attribute a.
fn attributes_named(name: &str, tables: &Tables<'_>) -> Vec<String> {
    let owners = tables.truths.iter().filter(|(_, t)| t.attrs.contains_key(name));
    owners.map(|(truth, _)| format!("{truth}.{name}")).collect()
}

/// `: T` for a type that can be written, and nothing for one that is still to be found.
fn declared_type(expected: Option<&Type>, analyzer: &Analyzer<'_>) -> String {
    match expected {
        Some(ty) if crate::types::is_writable(&analyzer.program, ty) => {
            format!(": {}", analyzer.show_type(ty))
        }
        Some(Type::Int(_)) => ": 0..3".into(),
        _ => String::new(),
    }
}

/// A field that a record, union or run does not have.
pub fn unknown_field<'a>(
    field: &Ident,
    owner: &str,
    known: impl Iterator<Item = &'a str>,
    declared: Span,
) -> Diagnostic {
    let known: Vec<&str> = known.collect();
    let error = Diagnostic::error(codes::UNKNOWN_ATTRIBUTE, format!("`{owner}` has no `{}`", field.name))
        .at(field.span, "no such part")
        .see(declared, format!("`{owner}` is declared here"));
    let error = suggest(error, &field.name, known.iter().copied());
    if known.is_empty() { error } else { error.because(format!("note: it has {}", all_of(&known))) }
}

/// A local that an actor does not have.
pub fn unknown_local(field: &Ident, sort: SortId, analyzer: &Analyzer<'_>) -> Diagnostic {
    let declared = &analyzer.program.sorts[sort];
    let error = Diagnostic::error(
        codes::UNKNOWN_ATTRIBUTE,
        format!("`{}` has no local `{}`", declared.name, field.name),
    )
    .at(field.span, "not declared")
    .see(declared.span, format!("`{}` is declared here", declared.name));
    let locals = analyzer.tables.locals.get(&sort);
    let known = locals.into_iter().flat_map(|l| l.keys().map(String::as_str));
    suggest(error, &field.name, known).help(format!(
        "declare it: `actor {} {{ {} }}`, with its type once that is clear",
        declared.name, field.name
    ))
}

/// A bare word that means nothing here.
pub fn unknown_word(
    name: &Ident,
    expected: Option<&Type>,
    analyzer: &Analyzer<'_>,
    scope: &Scope,
) -> Diagnostic {
    if let Some(Type::Enum(id)) = expected.map(Type::unwrap_optional) {
        let declared = &analyzer.program.enums[*id];
        if name.name.chars().all(|c| !c.is_lowercase()) {
            return unknown_constant(name, &declared.name, &declared.constants, declared.span);
        }
    }
    let error = Diagnostic::error(codes::UNKNOWN_WORD, format!("`{}` means nothing here", name.name))
        .at(name.span, "not a variable, local, role, definition or constant");
    if let Some(ours) = foreign_word(&name.name) {
        return error.help(format!("write `{ours}`"));
    }
    let error = see_local_of_other(error, name, analyzer);
    let attributes = attributes_named(&name.name, &analyzer.tables);
    let error = if attributes.is_empty() {
        let known = words_in_scope(analyzer, scope);
        suggest(error, &name.name, known.iter().map(String::as_str))
    } else {
        error.help(format!("did you mean {}?", one_of(&attributes)))
    };
    match name.name.as_str() {
        "me" | "my_id" => error.help(format!("say who that is: `define {} := self`", name.name)),
        _ => error.help(how_to_declare(name, expected, analyzer, scope)),
    }
}

/// What is written here for a word of other languages.
fn foreign_word(name: &str) -> Option<&'static str> {
    let ours = match name.to_lowercase().as_str() {
        "true" | "yes" => "true",
        "false" => "false",
        "null" | "nil" | "none" | "nothing" | "undefined" => "null",
        "unknown" => "unknown",
        "this" | "myself" => "self",
        "now" | "current_time" | "clock" => "now",
        _ => return None,
    };
    (ours != name).then_some(ours)
}

/// Points at an actor that does not act here and has a local of this name.
fn see_local_of_other(error: Diagnostic, name: &Ident, analyzer: &Analyzer<'_>) -> Diagnostic {
    let mut owners = analyzer.tables.locals.iter();
    match owners.find_map(|(sort, locals)| Some((*sort, locals.get(&name.name)?))) {
        Some((sort, local)) => {
            let actor = &analyzer.program.sorts[sort].name;
            error.see(local.span, format!("a local of `{actor}`, which does not act here"))
        }
        None => error,
    }
}

fn unknown_constant(name: &Ident, owner: &str, constants: &[String], declared: Span) -> Diagnostic {
    let error =
        Diagnostic::error(codes::UNKNOWN_CONSTANT, format!("`{owner}` has no constant `{}`", name.name))
            .at(name.span, "not one of its constants");
    let error = if declared == Span::default() {
        error
    } else {
        error.see(declared, "the constants are listed here")
    };
    let known: Vec<&str> = constants.iter().map(String::as_str).collect();
    suggest(error, &name.name, known.iter().copied()).because(format!("note: it has {}", all_of(&known)))
}

fn words_in_scope(analyzer: &Analyzer<'_>, scope: &Scope) -> Vec<String> {
    let mut words: Vec<String> = scope.slots.iter().map(|s| s.name.clone()).collect();
    words.extend(scope.run.vars.keys().cloned());
    words.extend(scope.run.roles.keys().cloned());
    if let Some((_, sort)) = scope.run_site().and_then(|s| s.actor) {
        words.extend(analyzer.tables.locals.get(&sort).into_iter().flat_map(|l| l.keys().cloned()));
    }
    words.extend(analyzer.tables.defines.names.keys().cloned());
    words.extend(analyzer.tables.consts.keys().cloned());
    words.extend(analyzer.tables.constants.keys().cloned());
    words.extend(analyzer.tables.truths.keys().cloned());
    words
}

fn how_to_declare(name: &Ident, expected: Option<&Type>, analyzer: &Analyzer<'_>, scope: &Scope) -> String {
    let ty = declared_type(expected, analyzer);
    let constant = if expected.is_some_and(|ty| matches!(ty, Type::Int(_))) {
        format!("a constant, `const {} = 2`; ", name.name)
    } else {
        String::new()
    };
    let acting = scope.run_site().and_then(|s| s.actor);
    match acting {
        Some((_, sort)) => {
            let actor = &analyzer.program.sorts[sort].name;
            format!(
                "declare what it is: {constant}a local, `actor {actor} {{ {0}{ty} }}`; a value read when the run begins, `let {0} = …` in the protocol's head; or `define {0} := …`",
                name.name
            )
        }
        None => format!("declare what it is: `define {} := …`, or `const {} = …`", name.name, name.name),
    }
}

/// An enum constant that several enums have.
pub fn ambiguous_constant(name: &Ident, enums: &[String]) -> Diagnostic {
    let names: Vec<&str> = enums.iter().map(String::as_str).collect();
    Diagnostic::error(
        codes::UNKNOWN_CONSTANT,
        format!("`{}` could be a constant of several enums", name.name),
    )
    .at(name.span, "which one is not clear from the context")
    .because(format!("note: {} have it", all_of(&names)))
    .help("compare it with an attribute of the enum that is meant")
}

/// A keyed truth object whose key cannot be inferred.
pub fn ambiguous_key(truth: &Ident, ty: &str, candidates: &[&str], declared: Span) -> Diagnostic {
    let message = match candidates {
        [] => format!("`{}` is keyed by {ty}, and there is no {ty} here", truth.name),
        _ => format!("`{}` is keyed by {ty}, and several are meant by that here", truth.name),
    };
    let error = Diagnostic::error(codes::AMBIGUOUS_KEY, message)
        .at(truth.span, "which one?")
        .see(declared, "its keys are declared here");
    match candidates {
        [] => error.help(format!(
            "say which: `{}[x].…`, or quantify: `all {ty_var} in {ty}: {0}[{ty_var}].…`",
            truth.name,
            ty_var = "x"
        )),
        several => {
            error.help(format!("say which: `{}[{}]`, with {}", truth.name, several[0], one_of(several)))
        }
    }
}

/// An instance that a declaration needs and that is not clear.
pub fn ambiguous_subject(word: &Ident, ty: &str, candidates: &[&str]) -> Diagnostic {
    let message = match candidates {
        [] => format!("`{}` needs a {ty}, and there is none here", word.name),
        _ => format!("`{}` needs a {ty}, and there are several here", word.name),
    };
    let error = Diagnostic::error(codes::AMBIGUOUS_KEY, message).at(word.span, "which one?");
    if candidates.is_empty() {
        error
    } else {
        error.because(format!("note: {} are possible", all_of(candidates)))
    }
}

/// `self` where nobody acts.
pub fn self_not_available(span: Span) -> Diagnostic {
    Diagnostic::error(codes::NOT_AVAILABLE_HERE, "nobody acts here, so there is no `self`")
        .at(span, "not in a step or in the initial value of a local")
        .help("quantify over the instances: `all x in ACTOR: …`")
}

/// `old` outside an effect.
pub fn old_not_available(span: Span) -> Diagnostic {
    Diagnostic::error(
        codes::NOT_AVAILABLE_HERE,
        "`old` is the value before a step, and there is no step here",
    )
    .at(span, "only in effects and in `after STEP:` properties")
    .help("in a guard, the plain name is the value before the step")
}

/// A name that is defined for other steps only.
pub fn not_defined_here(name: &Ident, declared: Span) -> Diagnostic {
    Diagnostic::error(codes::NOT_AVAILABLE_HERE, format!("`{}` is not defined for this step", name.name))
        .at(name.span, "used here")
        .see(declared, "defined for another step here")
        .help(format!("add `define {} at THIS_STEP := …`, or one without `at` for all steps", name.name))
}

/// A phrase that is not defined.
pub fn unknown_phrase(phrase: &str, span: Span, tables: &Tables<'_>) -> Diagnostic {
    let error = Diagnostic::error(codes::UNKNOWN_PHRASE, format!("the phrase `{phrase}` is not defined"))
        .at(span, "says nothing that can be checked");
    let error = suggest(error, phrase, tables.defines.names.keys().map(String::as_str));
    error.help(format!("say what it means: `define {phrase} := …`"))
}

/// A postfix predicate that is not defined for a type.
pub fn unknown_predicate(word: &Ident, ty: &str, tables: &Tables<'_>) -> Diagnostic {
    let error =
        Diagnostic::error(codes::UNKNOWN_PREDICATE, format!("`{}` is not defined for {ty}", word.name))
            .at(word.span, "says nothing that can be checked");
    let known = tables.defines.postfixes.keys().map(String::as_str).chain(["absent", "present"]);
    suggest(error, &word.name, known)
        .help(format!("say what it means: `define (x: {ty}) {} := …`", word.name))
}

/// A postfix predicate that is not defined at all, of a value whose type is not known yet.
pub fn undefined_predicate(word: &Ident, tables: &Tables<'_>) -> Diagnostic {
    let error =
        Diagnostic::error(codes::UNKNOWN_PREDICATE, format!("the predicate `{}` is not defined", word.name))
            .at(word.span, "says nothing that can be checked");
    let known = tables.defines.postfixes.keys().map(String::as_str).chain(["absent", "present"]);
    suggest(error, &word.name, known).help(format!(
        "give the value a type, and say what the word means: `define (x: Version) {} := x >= …`",
        word.name
    ))
}

/// A relation that is not defined at all.
pub fn undefined_relation(word: &Ident, tables: &Tables<'_>) -> Diagnostic {
    let error =
        Diagnostic::error(codes::UNKNOWN_PREDICATE, format!("the relation `{}` is not defined", word.name))
            .at(word.span, "says nothing that can be checked");
    let error = suggest(error, &word.name, tables.defines.relations.keys().map(String::as_str));
    error.help(format!(
        "say what it means, for the types of the keys: `define (x: stage) {} (y: stage) := …`",
        word.name
    ))
}

/// A relation that is not defined for a type.
pub fn unknown_relation(word: &Ident, ty: &str, tables: &Tables<'_>) -> Diagnostic {
    let error = Diagnostic::error(
        codes::UNKNOWN_PREDICATE,
        format!("no relation `{}` of {ty} is defined", word.name),
    )
    .at(word.span, "says nothing that can be checked");
    let error = suggest(error, &word.name, tables.defines.relations.keys().map(String::as_str));
    error.help(format!("say what it means: `define (x: {ty}) {} (y: {ty}) := …`", word.name))
}

/// A function that is not defined.
pub fn unknown_function(name: &Ident, tables: &Tables<'_>) -> Diagnostic {
    let error = Diagnostic::error(codes::UNKNOWN_FUNCTION, format!("there is no function `{}`", name.name))
        .at(name.span, "not defined");
    let known = tables.defines.functions.keys().map(String::as_str);
    let known =
        known.chain(tables.variants.keys().map(String::as_str)).chain(crate::expr::BUILTINS.iter().copied());
    suggest(error, &name.name, known)
        .help(format!("define it: `define {}(x: 0..3) := …`, with the types of what is passed", name.name))
}

/// Definitions that use each other.
pub fn cyclic_definition(name: &str, span: Span) -> Diagnostic {
    Diagnostic::error(codes::CYCLIC_DEFINITION, format!("the definition of `{name}` uses itself"))
        .at(span, "expanding this never ends")
        .help("a definition may only use others that do not lead back to it")
}

/// An operation that no protocol has.
pub fn unknown_operation(step: &OpRef, tables: &Tables<'_>) -> Diagnostic {
    let protocol = step.protocol.as_ref();
    if let Some(name) = protocol.filter(|p| !tables.protocols.iter().any(|e| e.name == p.name)) {
        return unknown_protocol(name, tables);
    }
    let of = protocol.map(|p| format!(" of `{}`", p.name)).unwrap_or_default();
    let error = Diagnostic::error(
        codes::UNKNOWN_OPERATION,
        format!("there is no operation `{}`{of}", step.operation.name),
    )
    .at(step.operation.span, "no step of this name");
    let known: Vec<String> = tables
        .protocols
        .iter()
        .filter(|p| protocol.is_none_or(|q| q.name == p.name))
        .flat_map(|p| p.steps().into_iter().map(|(_, s)| s.operation.name.clone()))
        .collect();
    suggest(error, &step.operation.name, known.iter().map(String::as_str))
        .because(known_operations(&known))
        .help("operations are the names before the guard: `actor[operation {guard}]`")
}

fn known_operations(known: &[String]) -> String {
    let names: Vec<&str> = known.iter().take(12).map(String::as_str).collect();
    if names.is_empty() {
        "note: no protocol is declared".into()
    } else {
        format!("note: declared: {}", all_of(&names))
    }
}

/// A protocol that is not declared.
pub fn unknown_protocol(name: &Ident, tables: &Tables<'_>) -> Diagnostic {
    let error = Diagnostic::error(codes::UNKNOWN_PROTOCOL, format!("there is no protocol `{}`", name.name))
        .at(name.span, "not declared");
    let known: Vec<&str> = tables.protocols.iter().map(|p| p.name.as_str()).collect();
    let error = suggest(error, &name.name, known.iter().copied());
    if known.is_empty() { error } else { error.because(format!("note: declared: {}", all_of(&known))) }
}

/// An assignment to a derived attribute.
pub fn derived_assignment(span: Span, declared: Option<Span>) -> Diagnostic {
    let error = Diagnostic::error(codes::NOT_ASSIGNABLE, "this cannot be assigned to")
        .at(span, "is derived from other attributes");
    let error = match declared {
        Some(declared) => error.see(declared, "derived here"),
        None => error,
    };
    error.help("assign to the attributes that it is derived from")
}

/// An operation that several protocols have, where one must be meant.
pub fn ambiguous_operation(operation: &Ident, protocols: &[&str]) -> Diagnostic {
    let written: Vec<String> = protocols.iter().map(|p| format!("{p}.{}", operation.name)).collect();
    let written: Vec<&str> = written.iter().map(String::as_str).collect();
    Diagnostic::error(
        codes::AMBIGUOUS_OPERATION,
        format!("several protocols have a step `{}`", operation.name),
    )
    .at(operation.span, "which one is meant?")
    .help(format!("write {}", one_of(&written)))
}
