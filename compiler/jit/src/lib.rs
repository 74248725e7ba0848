//! Machine code for the plans of packed machines, by Cranelift.
//!
//! [`compile`] makes of a [`Plan`] what `arch_check` runs in place of its interpreter, with the same results. It has
//! never heard of layouts, programs or searches: a plan is computations over words. Nothing is compiled where the
//! platform is not one of those that Cranelift generates code for; the interpreter runs there.

use arch_check::native::Native;
use arch_check::plan::Plan;

#[cfg(all(unix, any(target_arch = "x86_64", target_arch = "aarch64")))]
mod call;
#[cfg(all(unix, any(target_arch = "x86_64", target_arch = "aarch64")))]
mod functions;
#[cfg(all(unix, any(target_arch = "x86_64", target_arch = "aarch64")))]
mod module;
#[cfg(all(unix, any(target_arch = "x86_64", target_arch = "aarch64")))]
mod nodes;

/// Whether this platform has machine code at all.
pub const SUPPORTED: bool = cfg!(all(unix, any(target_arch = "x86_64", target_arch = "aarch64")));

/// Machine code for a plan; none where the platform has none, where the plan is too large, or where memory for code
/// is refused.
#[must_use]
#[cfg(all(unix, any(target_arch = "x86_64", target_arch = "aarch64")))]
pub fn compile(plan: &Plan) -> Option<Box<dyn Native>> {
    module::compile(plan).map(|native| Box::new(native) as Box<dyn Native>)
}

/// Machine code for a plan: none on this platform.
#[must_use]
#[cfg(not(all(unix, any(target_arch = "x86_64", target_arch = "aarch64"))))]
pub fn compile(_: &Plan) -> Option<Box<dyn Native>> {
    None
}
