//! Elements that an effect picks (`pick x in D where P`).

use super::{Stop, Typed};
use crate::value::Value;
use std::collections::VecDeque;

/// What can be picked from.
#[derive(Clone, Debug)]
pub enum Domain<T> {
    /// Any instance of an actor or id type that has no closed list of members.
    Open,
    /// These, in order.
    Of(Vec<T>),
}

/// Who picks.
#[derive(Clone, Debug)]
enum Picker {
    /// The handler said so before the step: name and element, in order.
    Given(VecDeque<(String, Value)>),
    /// The element at this position, for each pick in order: a model that tries all.
    Script(VecDeque<usize>),
}

/// Picks, and what was picked.
#[derive(Clone, Debug)]
pub struct Picks {
    picker: Picker,
    /// The names and elements of the picks so far.
    pub taken: Vec<(&'static str, Value)>,
}

impl Picks {
    /// What a handler chose, in the order in which the effect picks.
    #[must_use]
    pub fn given(elements: Vec<(String, Value)>) -> Picks {
        Picks { picker: Picker::Given(elements.into()), taken: Vec::new() }
    }

    /// Positions among the elements that can be picked.
    #[must_use]
    pub fn script(positions: &[usize]) -> Picks {
        Picks { picker: Picker::Script(positions.iter().copied().collect()), taken: Vec::new() }
    }

    /// Picks an element of the domain that the filter accepts.
    ///
    /// # Errors
    /// [`Stop::Pick`]: nothing is said of this pick; it says how many elements there are. [`Stop::NoElement`]: what was chosen
    /// cannot be picked.
    pub fn one<T: Typed>(
        &mut self,
        name: &'static str,
        domain: Domain<T>,
        filter: impl Fn(&T) -> bool,
    ) -> Result<T, Stop> {
        let element = match &mut self.picker {
            Picker::Script(positions) => {
                let Domain::Of(all) = domain else { return Err(Stop::NoElement(name)) };
                let mut elements: Vec<T> = all.into_iter().filter(filter).collect();
                match positions.pop_front() {
                    None => return Err(Stop::Pick(name, elements.len())),
                    Some(n) if n < elements.len() => elements.swap_remove(n),
                    Some(_) => return Err(Stop::NoElement(name)),
                }
            }
            Picker::Given(elements) => {
                let next = elements.iter().position(|(n, _)| n == name).and_then(|i| elements.remove(i));
                let (_, value) = next.ok_or(Stop::Pick(name, 0))?;
                let element = T::from_value(&value).ok_or(Stop::NoElement(name))?;
                let inside = match &domain {
                    Domain::Open => true,
                    Domain::Of(all) => all.contains(&element),
                };
                if !inside || !filter(&element) {
                    return Err(Stop::NoElement(name));
                }
                element
            }
        };
        self.taken.push((name, element.to_value()));
        Ok(element)
    }
}
