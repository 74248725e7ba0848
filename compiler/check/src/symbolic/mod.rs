//! From program to ground actions by symbolic execution.
//!
//! Every event that can happen (a step of one run with one combination of choices and picks, a crash of
//! one instance, …) becomes one [`action::Action`]: when it is enabled, what it changes, what it exceeds
//! and what it violates, as nodes of one graph over the cells of the state before it.
//!
//! After this pass: no name, type or statement of the program is looked at again to execute it.

pub mod action;
pub mod after;
pub mod beyond;
pub mod binders;
pub mod claims;
pub mod collection;
pub mod dag;
pub mod effect;
pub mod expr;
pub mod fault;
pub mod runs;
pub mod segments;
pub mod step;
pub mod sym;
pub mod touch;
pub mod world;
