//! Attributes and words that are compared with one another have one type: a union-find table of them.

/// Something that has a value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// `LeaseState.expiry_at`
    Attr {
        /// The object.
        truth: String,
        /// The attribute.
        name: String,
    },
    /// `my_epoch`, known to an actor.
    Local {
        /// The actor.
        actor: String,
        /// The word.
        name: String,
    },
    /// `statement.key_id`: a field of something that an actor knows.
    Field {
        /// The actor.
        actor: String,
        /// `statement`
        local: String,
        /// `key_id`
        name: String,
    },
}

impl Place {
    /// Its last word.
    pub fn name(&self) -> &str {
        match self {
            Place::Attr { name, .. } | Place::Local { name, .. } | Place::Field { name, .. } => name,
        }
    }

    /// As it is written in a guard.
    fn written(&self) -> String {
        match self {
            Place::Attr { truth, name } => format!("{truth}.{name}"),
            Place::Local { name, .. } => name.clone(),
            Place::Field { local, name, .. } => format!("{local}.{name}"),
        }
    }

    /// Whether it names the acting actor itself: `me`, `my_id`, `my_worker`, `worker_id`.
    pub fn is_self(&self) -> bool {
        let Place::Local { actor, name } = self else { return false };
        let own = name.strip_prefix("my_").map(|rest| rest.strip_suffix("_id").unwrap_or(rest));
        name == "me"
            || own.is_some_and(|o| o == "id" || o == actor)
            || name.strip_suffix("_id") == Some(actor)
    }
}

/// What the guards say about the places of one class.
#[derive(Clone, Default, Debug)]
pub(crate) struct Facts {
    /// Compared with `null`, `absent` or `present`.
    pub optional: bool,
    /// Who asked whether it is null.
    pub asked_by: Option<String>,
    /// Compared with the clock.
    pub time: bool,
    /// Compared with `true` or `false`.
    pub boolean: bool,
    /// Compared with `unknown`.
    pub tri: bool,
    /// Compared with these constants.
    pub constants: Vec<String>,
    /// Compared with a number, or computed with.
    pub number: bool,
    /// Added to or taken from an instant.
    pub duration: bool,
    /// Compared by order.
    pub ordered: bool,
    /// Compared with these actors.
    pub actors: Vec<String>,
    /// Looked up in a set.
    pub member: bool,
    /// A set of what this place is.
    pub set_of: Option<usize>,
}

impl Facts {
    fn absorb(&mut self, other: Facts) {
        self.optional |= other.optional;
        self.asked_by = self.asked_by.take().or(other.asked_by);
        self.time |= other.time;
        self.boolean |= other.boolean;
        self.tri |= other.tri;
        self.number |= other.number;
        self.duration |= other.duration;
        self.ordered |= other.ordered;
        self.member |= other.member;
        self.set_of = self.set_of.or(other.set_of);
        other.constants.iter().for_each(|c| crate::uses::push_new(&mut self.constants, c));
        other.actors.iter().for_each(|a| crate::uses::push_new(&mut self.actors, a));
    }
}

/// All places, with the classes that comparisons put them in.
#[derive(Default, Debug)]
pub(crate) struct Table {
    places: Vec<Place>,
    parents: Vec<usize>,
    facts: Vec<Facts>,
}

impl Table {
    /// The number of a place.
    pub fn place(&mut self, place: Place) -> usize {
        if let Some(known) = self.find(&place) {
            return known;
        }
        self.parents.push(self.places.len());
        self.places.push(place);
        self.facts.push(Facts::default());
        self.places.len() - 1
    }

    /// The number of a place that is known.
    pub fn find(&self, place: &Place) -> Option<usize> {
        self.places.iter().position(|p| p == place)
    }

    /// All places, in the order in which they were met.
    pub fn places(&self) -> impl Iterator<Item = (usize, &Place)> {
        self.places.iter().enumerate()
    }

    /// The place that stands for the class.
    pub fn root(&self, place: usize) -> usize {
        let mut at = place;
        while self.parents[at] != at {
            at = self.parents[at];
        }
        at
    }

    /// What is known about the class of a place.
    pub fn facts(&mut self, place: usize) -> &mut Facts {
        let root = self.root(place);
        &mut self.facts[root]
    }

    /// A place as it is written in a guard.
    pub fn describe(&self, place: usize) -> String {
        self.places[place].written()
    }

    /// What is known about the class of a place.
    pub fn known(&self, place: usize) -> &Facts {
        &self.facts[self.root(place)]
    }

    /// The places of a class, in order.
    pub fn members(&self, root: usize) -> impl Iterator<Item = &Place> {
        self.places().filter(move |(i, _)| self.root(*i) == root).map(|(_, p)| p)
    }

    /// Puts two places in one class; the earlier one stands for it.
    pub fn union(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        if a == b {
            return;
        }
        let (first, second) = (a.min(b), a.max(b));
        let moved = std::mem::take(&mut self.facts[second]);
        self.parents[second] = first;
        self.facts[first].absorb(moved);
    }
}
