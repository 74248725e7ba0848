//! The stable codes of this crate's diagnostics. A code is never reused for another meaning.

use arch_base::Code;

macro_rules! codes {
    ($($(#[$attr:meta])* $name:ident = $code:literal;)*) => {
        $($(#[$attr])* pub const $name: Code = Code($code);)*
        /// All codes of this crate, in order.
        pub const ALL: &[Code] = &[$($name),*];
    };
}

/// The warnings of exploration, which the driver gives (its codes are its own): they can be accepted here.
pub const EXPLORED: &[&str] = &["W0901", "W0902", "W0903", "W0904", "W0905", "W0906", "W0907", "W0908"];

/// Whether `allow` can accept what a word is the code of.
#[must_use]
pub fn can_be_accepted(word: &str) -> bool {
    EXPLORED.contains(&word) || word.starts_with('W') && ALL.iter().any(|code| code.0 == word)
}

codes! {
    /// A name is declared twice.
    DUPLICATE_NAME = "E0101";
    /// A truth object that is not declared.
    UNKNOWN_TRUTH = "E0102";
    /// An attribute that its truth object does not list.
    UNKNOWN_ATTRIBUTE = "E0103";
    /// A word that means nothing here.
    UNKNOWN_WORD = "E0104";
    /// An actor or role that is not declared.
    UNKNOWN_ACTOR = "E0105";
    /// A type that is not declared.
    UNKNOWN_TYPE = "E0106";
    /// An enum constant that the expected enum does not have.
    UNKNOWN_CONSTANT = "E0107";
    /// An operation that no protocol has.
    UNKNOWN_OPERATION = "E0108";
    /// An operation that several protocols have, where one must be meant.
    AMBIGUOUS_OPERATION = "E0109";
    /// A protocol that is not declared.
    UNKNOWN_PROTOCOL = "E0110";
    /// A phrase that is not defined.
    UNKNOWN_PHRASE = "E0111";
    /// A postfix predicate that is not defined for this type.
    UNKNOWN_PREDICATE = "E0112";
    /// A keyed truth object whose key cannot be inferred.
    AMBIGUOUS_KEY = "E0113";
    /// A function that is not defined.
    UNKNOWN_FUNCTION = "E0114";
    /// Definitions that use each other.
    CYCLIC_DEFINITION = "E0115";
    /// A property that is not declared.
    UNKNOWN_PROPERTY = "E0116";
    /// A name that cannot be used in this place.
    NOT_AVAILABLE_HERE = "E0117";

    /// A value of one type where another is needed.
    TYPE_MISMATCH = "E0201";
    /// Two values that cannot be compared.
    INCOMPARABLE = "E0202";
    /// `null` compared with something that is never null.
    NEVER_NULL = "E0203";
    /// An optional value where null is not allowed.
    MAYBE_NULL = "E0204";
    /// A comparison of something with itself.
    TAUTOLOGY = "E0205";
    /// The wrong number of arguments, keys or fields.
    WRONG_ARITY = "E0206";
    /// Something that cannot be assigned to.
    NOT_ASSIGNABLE = "E0207";
    /// A type that cannot be used as a key, element or domain.
    NOT_ENUMERABLE = "E0208";
    /// A constant expression that is not constant, or a constant of the wrong kind.
    NOT_CONSTANT = "E0209";
    /// A range or count that is empty.
    EMPTY_RANGE = "E0210";
    /// `advance` of something that is no ordinal, or arithmetic on ordinals.
    ORDINAL_MISUSE = "E0211";
    /// An initial value outside its type.
    BAD_INITIAL_VALUE = "E0212";
    /// A type, table or definition with too many parts.
    TOO_LARGE = "E0213";

    /// Two stored instants compared.
    TWO_INSTANTS = "E0301";
    /// Arithmetic on a stored instant, or with something that is not constant.
    INSTANT_ARITHMETIC = "E0302";

    /// A step that appears twice in one protocol.
    DUPLICATE_STEP = "E0401";
    /// Two effects for one operation.
    DUPLICATE_EFFECT = "E0402";
    /// A branch declaration that does not fit its branch.
    BAD_BRANCH = "E0403";
    /// An outcome declaration that does not fit.
    BAD_OUTCOME = "E0404";
    /// A role that cannot be bound as declared.
    BAD_ROLE = "E0405";
    /// A local that two runs of one instance could overwrite.
    SHARED_LOCAL = "E0406";
    /// A `loop` step at the end of a chain.
    ENDLESS_CHAIN = "E0407";
    /// A `split` that leaves nothing on one side, or cuts a `let` from its use.
    BAD_SPLIT = "E0408";
    /// A chain without an outcome.
    NO_OUTCOME = "W0409";
    /// An `each` or `spawn` that does not fit its chain.
    BAD_SEGMENT = "E0411";

    /// A fault that does not fit.
    BAD_FAULT = "E0501";
    /// A property that does not fit.
    BAD_PROPERTY = "E0502";
    /// A failure mode that does not fit.
    BAD_FAILURE = "E0503";
    /// An instance or setting that does not fit.
    BAD_INSTANCE = "E0504";
    /// A property template that does not exist.
    UNKNOWN_TEMPLATE = "E0505";
    /// A built-in check that does not exist.
    UNKNOWN_CHECK = "E0506";
    /// Composition, which is reserved.
    RESERVED = "E0507";

    /// A header entry that is not known.
    UNKNOWN_HEADER = "W0601";
    /// Truth listed in a protocol that is no entity of the archetype.
    NOT_AN_ENTITY = "W0602";
    /// A declaration that nothing uses.
    UNUSED = "W0603";
    /// Truth that a guard reads and nothing writes.
    NEVER_WRITTEN = "W0604";
    /// A predicate of a fault that the spec does not have.
    FAULT_NEVER = "W0605";
    /// An answer to a guard that is never false.
    NEVER_REJECTS = "W0606";
    /// Truth, a local or a run variable that nothing reads.
    NEVER_READ = "W0607";

    /// A write that only a lease protects.
    UNFENCED_WRITE = "W0801";
    /// A lease that one clock gives and another takes away.
    TWO_CLOCKS = "W0802";
    /// A version that is read and not checked at the write.
    VERSION_NOT_CHECKED = "W0803";
    /// A compare-and-set that leaves what it compared.
    NOT_ADVANCED = "W0804";
    /// A compare-and-set that nothing answers.
    NOTHING_ANSWERS = "W0805";
    /// A guard that says what the effect makes so.
    POSTCONDITION = "W0806";
    /// A retry that cannot succeed.
    RETRY_IN_VAIN = "W0807";
    /// A further run whose effects happen twice.
    UNSAFE_REQUEUE = "W0808";
    /// A reclaim that leaves the epoch as it is.
    RECLAIM_KEEPS_EPOCH = "W0809";
    /// `advance` of a local.
    LOCAL_EPOCH = "W0810";
    /// A failure mode whose prevention names no guard.
    NO_GUARD_PREVENTS = "W0811";
    /// A step that spans two places.
    TWO_PLACES = "W0812";
    /// An owner that is overwritten unseen, without a version.
    OWNER_OVERWRITTEN = "W0813";
    /// A lease that anybody renews.
    RENEWED_BY_ANYBODY = "W0814";
    /// A lease without an owner.
    LEASE_OF_NOBODY = "W0815";
    /// A header that names a shape of ownership that is not there.
    NOT_THE_SHAPE = "W0816";

    /// An attribute or local without a type.
    MISSING_TYPE = "N0701";
    /// An operation without an effect.
    MISSING_EFFECT = "N0702";
    /// A compare-and-set that nothing answers when its guard is false.
    MISSING_ANSWER = "N0703";
    /// A postcondition written as a guard.
    POSTCONDITION_GUARD = "N0704";
    /// No property.
    MISSING_PROPERTY = "N0705";
}
