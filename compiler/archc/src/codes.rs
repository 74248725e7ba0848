//! The diagnostic codes of the driver: what is wrong with files and machines rather than with a spec.

use arch_base::Code;

/// A file or directory cannot be read.
pub const UNREADABLE: Code = Code("E0901");
/// A file is not UTF-8.
pub const NOT_UTF8: Code = Code("E0902");
/// A file is larger than the limit.
pub const TOO_LARGE: Code = Code("E0903");
/// A directory holds no spec.
pub const NO_SPECS: Code = Code("E0904");
/// No file has the instance that was asked for.
pub const NO_INSTANCE: Code = Code("E0905");
/// The engine cannot take this spec.
pub const ENGINE: Code = Code("E0906");
/// A spec is not what the lock says.
pub const DRIFT: Code = Code("E0907");
/// The lock cannot be read or written.
pub const LOCK: Code = Code("E0908");
/// A bug of archc.
pub const INTERNAL: Code = Code("E0999");
/// A step that no behaviour executes.
pub const NEVER_EXECUTES: Code = Code("W0901");
/// A guard that is never false.
pub const NEVER_FALSE: Code = Code("W0902");
/// A liveness property whose premise is never true.
pub const VACUOUS: Code = Code("W0903");
/// A property, or part of one, whose premise is never true.
pub const NEVER_TRUE_PREMISE: Code = Code("W0904");
/// A property that says that something can be so which is never otherwise.
pub const NEVER_OTHERWISE: Code = Code("W0905");
/// A constant of an enum that nothing ever is.
pub const NEVER_A_VALUE: Code = Code("W0906");
/// A branch of an effect that is never taken.
pub const NEVER_TAKEN: Code = Code("W0907");
/// A fault that never happens.
pub const NEVER_HAPPENS: Code = Code("W0908");
/// What is to be reached, or to be so eventually, and is so in an initial state.
pub const AT_ONCE: Code = Code("N0909");
