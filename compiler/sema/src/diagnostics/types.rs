//! Types: values that do not fit, comparisons that say nothing, instants and ordinals.

use super::plural;
use crate::codes;
use arch_base::{Diagnostic, Span};
use arch_grammar::ast::Ident;
use arch_ir::Type;

/// A value of one type where another is needed.
pub fn mismatch(span: Span, have: &str, want: &str) -> Diagnostic {
    let help = match want {
        "bool" => "a condition compares: `X.a = v`, `X.a < n`".to_owned(),
        _ if have == format!("set of {want}") => format!(
            "say which one: `for each x in {want}: …` in front of a property, `any x in {want}: …` or `all x in {want}: …` in a condition, `for x in {want} {{ … }}` in an effect"
        ),
        _ => format!("give a value of {want}, or change the type that is declared"),
    };
    mismatch_of(span, have, want).help(help)
}

fn mismatch_of(span: Span, have: &str, want: &str) -> Diagnostic {
    Diagnostic::error(codes::TYPE_MISMATCH, format!("{want} is needed, and this is {have}"))
        .at(span, format!("this is {have}"))
}

/// An optional value where null is not allowed.
pub fn maybe_null(span: Span, have: &str, want: &str) -> Diagnostic {
    // Of what is computed with, only the values that it can have are a domain.
    let (values, otherwise) = match (want, have.strip_suffix('?')) {
        ("an integer", Some(values)) => (values, String::new()),
        _ => (want, format!("; or declare the other side optional, `{want}?`")),
    };
    Diagnostic::error(codes::MAYBE_NULL, format!("this may be null, and {want} is needed"))
        .at(span, format!("this is {have}"))
        .help(format!("say what is to happen without a value: `for x in {values} where x = … {{ }}` in an effect, `any x in {values} where x = …: …` in a condition{otherwise}"))
}

/// `null` where it is not allowed.
pub fn null_not_allowed(span: Span, want: &str) -> Diagnostic {
    Diagnostic::error(codes::MAYBE_NULL, format!("{want} is never null"))
        .at(span, "null is not allowed here")
        .help(format!("declare it optional: `{want}?`"))
}

/// Two values that cannot be compared.
pub fn incomparable(a: Span, a_type: &str, b: Span, b_type: &str) -> Diagnostic {
    values_apart(a, a_type, b, b_type).help("give both sides the same type where they are declared")
}

/// A number where a value that is no number is compared.
pub fn no_number(a: Span, a_type: &str, b: Span, b_type: &str, kind: &Type) -> Diagnostic {
    values_apart(a, a_type, b, b_type).help(match kind {
        Type::Time => "an instant is compared with the clock: `now`, `now + 2`",
        _ => "an ordinal has no numbers: compare it with another of its kind, or declare a range such as `0..4`",
    })
}

fn values_apart(a: Span, a_type: &str, b: Span, b_type: &str) -> Diagnostic {
    Diagnostic::error(codes::INCOMPARABLE, format!("{a_type} and {b_type} have no values in common"))
        .at(a, format!("this is {a_type}"))
        .at(b, format!("this is {b_type}"))
}

/// Values that have no order.
pub fn no_order(span: Span, ty: &str) -> Diagnostic {
    Diagnostic::error(codes::INCOMPARABLE, format!("values of type {ty} have no order"))
        .at(span, "compared by order here")
        .help("integers, ordinals, instants and enums have an order; others only `=` and `!=`")
}

/// `null` compared with something that is never null.
pub fn never_null(span: Span, side: Span, ty: &str, declared: Option<(String, Span)>) -> Diagnostic {
    let error = Diagnostic::error(codes::NEVER_NULL, "this is never null, so the comparison says nothing")
        .at(if side == span { span } else { side }, format!("is {ty}, without a `?`"));
    match declared {
        Some((name, place)) => error
            .see(place, format!("`{name}` is declared here"))
            .help(format!("if it can be absent, declare it `{ty}?`; it then starts as null")),
        None => error.help(format!("if it can be absent, declare it `{ty}?`; it then starts as null")),
    }
}

/// A comparison of something with itself.
pub fn tautology(span: Span, a: Span, b: Span) -> Diagnostic {
    let _ = span;
    Diagnostic::error(codes::TAUTOLOGY, "both sides of this comparison are the same, so it says nothing")
        .at(a, "this")
        .at(b, "and this mean the same")
        .help("give the value that was read earlier a name of its own: `let expected = …` in the protocol's head, or a local")
}

fn are(n: usize) -> &'static str {
    if n == 1 { "is" } else { "are" }
}

/// The wrong number of keys.
pub fn key_count(span: Span, name: &str, given: usize, wanted: usize, declared: Span) -> Diagnostic {
    Diagnostic::error(
        codes::WRONG_ARITY,
        match wanted {
            0 => format!("`{name}` is not keyed"),
            _ => format!("`{name}` has {}, and {given} {} given", plural(wanted, "key"), are(given)),
        },
    )
    .at(span, format!("{} here", plural(given, "key")))
    .see(declared, format!("`{name}` is declared here"))
    .help(if wanted == 0 { "leave the brackets out" } else { "give one value per key, in order" })
}

/// The wrong number of arguments or fields.
pub fn argument_count(span: Span, name: &str, given: usize, wanted: usize) -> Diagnostic {
    Diagnostic::error(
        codes::WRONG_ARITY,
        format!("`{name}` takes {}, and {given} {} given", plural(wanted, "argument"), are(given)),
    )
    .at(span, format!("{} here", plural(given, "argument")))
    .help("give one value per parameter, in order or by name")
}

/// More or fewer indices than one.
pub fn one_index(span: Span, given: usize) -> Diagnostic {
    Diagnostic::error(codes::WRONG_ARITY, format!("one index is needed, and {given} are given"))
        .at(span, "indexed here")
        .help("index step by step: `m[a][b]`")
}

/// Something that has no fields.
pub fn no_fields(span: Span, field: &Ident, ty: &str, optional: bool) -> Diagnostic {
    let error = if optional {
        Diagnostic::error(codes::MAYBE_NULL, format!("this may be null, so it has no `{}`", field.name)).help(
            format!(
                "say which value is meant: `any x in {0} where x = …: x.{1} …`",
                ty.trim_end_matches('?'),
                field.name
            ),
        )
    } else {
        Diagnostic::error(codes::TYPE_MISMATCH, format!("{ty} has no `{}`", field.name))
            .help("truth objects, records, instances and runs have parts")
    };
    error.at(span, format!("this is {ty}"))
}

/// A part of a role that a run may not have bound yet.
pub fn role_not_bound(span: Span, field: &Ident, ty: &str) -> Diagnostic {
    Diagnostic::error(
        codes::MAYBE_NULL,
        format!("the run may not have bound this role yet, so it has no `{}`", field.name),
    )
    .at(span, format!("this is {ty} here: some run gets here without a step of the role"))
    .help("bind it earlier, `bind ROLE at STEP` in the protocol's head, or let the branch be taken later, `branch S after STEP`")
}

/// A truth object without an attribute, with what could be `written`.
pub fn truth_without_attribute(span: Span, name: &str, declared: Span, written: &str) -> Diagnostic {
    Diagnostic::error(
        codes::TYPE_MISMATCH,
        format!("`{name}` is a truth object; one of its attributes is needed"),
    )
    .at(span, "no attribute is named")
    .see(declared, "its attributes are declared here")
    .help(format!("write {written}"))
}

/// Something that cannot be indexed.
pub fn not_indexable(span: Span, ty: &str) -> Diagnostic {
    Diagnostic::error(codes::TYPE_MISMATCH, format!("{ty} cannot be indexed"))
        .at(span, format!("this is {ty}"))
        .help("maps, sequences and keyed truth objects can")
}

/// Something that is not a set after `in`.
pub fn not_a_set(span: Span, ty: &str) -> Diagnostic {
    Diagnostic::error(codes::TYPE_MISMATCH, format!("`in` needs a set on its right, and this is {ty}"))
        .at(span, format!("this is {ty}"))
        .help("a set attribute, `{A, B}`, `lo..hi`, or the name of an actor, id or enum type")
}

/// Something that a variable cannot range over.
pub fn not_a_domain(span: Span, ty: &str) -> Diagnostic {
    Diagnostic::error(codes::NOT_ENUMERABLE, format!("a variable cannot range over {ty}"))
        .at(span, format!("this is {ty}"))
        .help("name an actor, id or enum type, a protocol (for its runs), a set, or `lo..hi`")
}

/// A range outside `in` and binders.
pub fn range_out_of_place(span: Span) -> Diagnostic {
    Diagnostic::error(codes::TYPE_MISMATCH, "a range is not a value")
        .at(span, "only after `in`, and as a type")
        .help("write `x in lo..hi`")
}

/// `all x in D where P` without a claim.
pub fn all_without_claim(span: Span) -> Diagnostic {
    Diagnostic::error(codes::TYPE_MISMATCH, "`all` needs a claim after a colon")
        .at(span, "says nothing about the values")
        .help("write `all x in D where P: Q`; `no x in D where P` and `any x in D where P` need no claim")
}

/// `all T.a = v` over something that is not keyed.
pub fn not_keyed(span: Span, name: &str, declared: Span) -> Diagnostic {
    Diagnostic::error(codes::NOT_ENUMERABLE, format!("`{name}` is not keyed, so there is only one"))
        .at(span, "quantified over its keys here")
        .see(declared, format!("`{name}` is declared here"))
        .help(format!("declare what there is one for each of: `truth {name}[partition] {{ … }}`"))
}

/// `all …` over something that is no truth object.
pub fn not_over_truth(span: Span) -> Diagnostic {
    Diagnostic::error(
        codes::NOT_ENUMERABLE,
        "this quantifies over the keys of a truth object, and none is named",
    )
    .at(span, "which truth object?")
    .help("write `all T.attribute = value`, or `all x in D: …`")
}

/// A type that must be enumerable.
pub fn not_enumerable(span: Span, what: &str, ty: &str) -> Diagnostic {
    Diagnostic::error(
        codes::NOT_ENUMERABLE,
        format!("{what} needs a type with a short list of values, and {ty} has none"),
    )
    .at(span, format!("the values of {ty} cannot be listed"))
    .help("use an actor, an id type, an enum, bool or a small range")
}

/// A set that needs `max`.
pub fn set_needs_max(span: Span, element: &str) -> Diagnostic {
    Diagnostic::error(codes::NOT_ENUMERABLE, format!("a set of {element} needs a greatest size"))
        .at(span, format!("{element} has no fixed list of values"))
        .help(format!("write `set of {element} max 4`; a further element is then reported, never dropped"))
}

/// An expression that must be constant.
pub fn not_constant(span: Span, why: &str) -> Diagnostic {
    Diagnostic::error(codes::NOT_CONSTANT, why.to_owned())
        .at(span, "must be known before exploring")
        .help("use integers, `const` names and + - * mod, min, max, if")
}

/// A count outside what is possible.
pub fn count_out_of_range(span: Span, what: &str, n: i64, lo: i64, hi: i64) -> Diagnostic {
    Diagnostic::error(codes::EMPTY_RANGE, format!("{what} must be from {lo} to {hi}, and this is {n}"))
        .at(span, format!("this is {n}"))
        .help(format!("choose a number from {lo} to {hi}"))
}

/// A range with no values, or far too many.
pub fn empty_range(span: Span, lo: i64, hi: i64) -> Diagnostic {
    let what = if lo > hi { "no values" } else { "too many values" };
    Diagnostic::error(codes::EMPTY_RANGE, format!("the range {lo}..{hi} has {what}"))
        .at(span, what.to_owned())
        .help("both bounds are included; a range has at most 2^32 values")
}

/// A value or table with too many parts.
pub fn too_large(span: Span, what: &str, parts: u64, most: u64) -> Diagnostic {
    let parts = if parts == u64::MAX { "far too many".to_owned() } else { parts.to_string() };
    Diagnostic::error(
        codes::TOO_LARGE,
        format!("{what} would have {parts} parts, and at most {most} are possible"),
    )
    .at(span, "grows with the product of its keys and sizes")
    .help("a model needs few instances: two or three of each kind show nearly every mistake")
}

/// A record or union that contains itself.
pub fn contains_itself(span: Span, name: &str) -> Diagnostic {
    Diagnostic::error(codes::CYCLIC_DEFINITION, format!("`{name}` contains itself, so it would have no end"))
        .at(span, "leads back here")
        .help("refer to the other by an id: `id item * 3`, and a truth object keyed by it")
}

/// An enum or union with nothing in it.
pub fn no_values(span: Span, name: &str) -> Diagnostic {
    Diagnostic::error(codes::EMPTY_RANGE, format!("`{name}` has no values"))
        .at(span, "lists nothing")
        .help("list at least one")
}

/// Definitions that expand to too much.
pub fn too_many_expansions(span: Span, most: u32) -> Diagnostic {
    Diagnostic::error(codes::TOO_LARGE, format!("definitions are expanded more than {most} times"))
        .at(span, "here the limit is reached")
        .because("note: a definition that uses another twice doubles what it stands for")
        .help("let definitions use each other less, or keep the value in a truth object")
}

/// Arithmetic on ordinals.
pub fn ordinal_arithmetic(span: Span, name: &str) -> Diagnostic {
    Diagnostic::error(codes::ORDINAL_MISUSE, format!("`{name}` is an ordinal: it can be compared, copied and advanced"))
        .at(span, "arithmetic on an ordinal")
        .help("write `advance X.a` in an effect; if two may pick the same next number, use a range such as `0..4` instead")
}

/// `advance` of something that is no ordinal.
pub fn advance_of(span: Span, ty: &str) -> Diagnostic {
    Diagnostic::error(codes::ORDINAL_MISUSE, format!("only ordinals can be advanced, and this is {ty}"))
        .at(span, format!("this is {ty}"))
        .help("declare its type with `ordinal NAME`, or write `x := x + 1`")
}

/// Two stored instants compared.
pub fn two_instants(span: Span, a: Span, b: Span) -> Diagnostic {
    let _ = span;
    Diagnostic::error(codes::TWO_INSTANTS, "two stored instants are compared with each other")
        .at(a, "stored earlier")
        .at(b, "stored earlier, too")
        .because("note: instants are kept relative to the clock and saturated once no guard can tell them apart, so their order among each other is not kept")
        .help("compare each with `now`, or keep an ordinal beside them for the order")
}

/// A comparison of values that hold stored instants.
pub fn instants_inside(span: Span) -> Diagnostic {
    Diagnostic::error(codes::TWO_INSTANTS, "two stored instants are compared with each other")
        .at(span, "both sides hold instants that were stored earlier")
        .because("note: instants are kept relative to the clock and saturated once no guard can tell them apart, so their order among each other is not kept")
        .help("compare the parts that are no instants, or each instant with `now`")
}

/// Arithmetic on a stored instant.
pub fn stored_instant_arithmetic(span: Span, declared: Option<(String, Span)>) -> Diagnostic {
    let error = Diagnostic::error(codes::INSTANT_ARITHMETIC, "arithmetic on a stored instant is not exact")
        .at(span, "a stored instant is moved here");
    let error = match declared {
        Some((name, place)) => error.see(place, format!("`{name}` is declared here")),
        None => error,
    };
    error
        .because(
            "note: instants far in the past are saturated, so moving one by a constant would lose by how far",
        )
        .help("count from the clock: `now + PERIOD`")
}

/// The distance between two instants.
pub fn instant_distance(span: Span) -> Diagnostic {
    Diagnostic::error(codes::INSTANT_ARITHMETIC, "the distance between two instants is not kept")
        .at(span, "an instant, where a number of ticks is needed")
        .help("compare the instant with the clock instead: `X.a < now - 2`")
}

/// `x is null`
pub fn is_null(span: Span, have: &str) -> Diagnostic {
    mismatch_of(span, have, "a tagged union")
        .help("`is` asks for the variant of a tagged union; for null, write `= null` or `absent`")
}

/// A part of an actor that has several instances.
pub fn several_instances(name: &Ident, field: &Ident, size: u32, declared: Span) -> Diagnostic {
    let message = format!("`{}` has {size} instances, so whose `{}` is not clear", name.name, field.name);
    Diagnostic::error(codes::AMBIGUOUS_KEY, message)
        .at(name.span, "which one?")
        .see(declared, format!("`{}` is declared here", name.name))
        .help(format!(
            "say which: `any x in {0}: x.{1} …`, or `for x in {0} where … {{ … }}` in an effect",
            name.name, field.name
        ))
}

/// An offset from `now` that is not constant.
pub fn variable_offset(span: Span) -> Diagnostic {
    Diagnostic::error(codes::INSTANT_ARITHMETIC, "the distance from `now` must be a constant")
        .at(span, "not constant, or more than a million ticks")
        .help("declare it: `const TTL = 2`")
}

/// Modulo something that is not a positive constant.
pub fn bad_modulus(span: Span) -> Diagnostic {
    Diagnostic::error(codes::NOT_CONSTANT, "`mod` needs a positive constant on its right")
        .at(span, "not a positive constant")
        .help("write a number, or a `const`")
}

/// A constant outside the range of what it is stored in.
pub fn literal_out_of_range(span: Span, n: i64, lo: i64, hi: i64) -> Diagnostic {
    Diagnostic::error(codes::TYPE_MISMATCH, format!("{n} is outside {lo}..{hi}"))
        .at(span, format!("this is {n}"))
        .help(format!("choose a value from {lo} to {hi}, or widen the range"))
}

/// Something that cannot be assigned to.
pub fn not_assignable(span: Span, bound: Option<(&str, Span)>) -> Diagnostic {
    let error = Diagnostic::error(codes::NOT_ASSIGNABLE, "this cannot be assigned to")
        .at(span, "keeps no value that could change");
    let error = match bound {
        Some((name, place)) => error.see(place, format!("`{name}` is bound here and never changes")),
        None => error,
    };
    error.help("assign to an attribute of truth, a local, a run variable declared with `var`, or an element of a map or record in one")
}

/// Neighbours on something that is no ring.
pub fn not_a_ring(span: Span, name: &str, declared: Span) -> Diagnostic {
    Diagnostic::error(codes::TYPE_MISMATCH, format!("`{name}` has no neighbours"))
        .at(span, "a neighbour is asked for")
        .see(declared, format!("`{name}` is declared here"))
        .help(format!("declare it as a ring: `actor {name} * N ring`"))
}

/// A run variable whose value has no bound.
pub fn unbounded(span: Span) -> Diagnostic {
    Diagnostic::error(codes::NOT_ENUMERABLE, "the range of this value is not known, so it cannot be stored")
        .at(span, "the result of arithmetic")
        .help("declare the variable with a range, `var x: 0..4`, and assign to it in an effect")
}

/// A run variable that is always null.
pub fn null_variable(span: Span) -> Diagnostic {
    Diagnostic::error(codes::TYPE_MISMATCH, "a variable that is always null says nothing")
        .at(span, "null")
        .help("declare it with a type, such as `var x: worker?`, and assign to it in an effect")
}

/// An initial value that reads the state.
pub fn initial_value_reads(span: Span) -> Diagnostic {
    Diagnostic::error(codes::BAD_INITIAL_VALUE, "an initial value cannot read other attributes")
        .at(span, "is not known yet when the system starts")
        .help("use constants, literals, `self`, and keys that have a name: `truth Cell[c: 0..8] { n: 0..8 = c }`")
}
