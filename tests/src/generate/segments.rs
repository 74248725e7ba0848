//! Random `each`, `spawn` and `join`: steps of a main chain that happen once per key.

use super::protocols::Proto;
use super::world::Maker;

/// Steps that happen once per key.
#[derive(Clone, Debug)]
pub struct Segment {
    /// The number of the first.
    pub from: usize,
    /// One past the last.
    pub to: usize,
    /// `each`, which is one step for one key.
    pub each: bool,
    /// Names and sorts.
    pub keys: Vec<(String, usize)>,
}

impl Proto {
    /// The segment that a step is in.
    pub fn segment_of(&self, number: usize) -> Option<usize> {
        self.segments.iter().position(|s| (s.from..s.to).contains(&number))
    }

    /// Subjects of the run of a step, keys included.
    pub fn instances_at(&self, number: usize) -> Vec<(String, usize)> {
        let keys = self.segment_of(number).map_or(&[][..], |s| &self.segments[s].keys);
        self.subjects.iter().chain(keys).cloned().collect()
    }

    /// The steps that another hands over to.
    pub fn handed_over(&self) -> Vec<String> {
        let begins = |n: usize| match n {
            0 => !self.begins,
            n => self.steps[n - 1].chain != self.steps[n].chain,
        };
        let steps = self.steps.iter().enumerate().filter(|(n, _)| !self.rule && !begins(*n));
        steps.map(|(_, s)| s.name.clone()).collect()
    }

    /// Whether an outcome can move a run to a step: not into the middle of what happens once per key.
    pub fn can_be_entered(&self, number: usize) -> bool {
        let Some(segment) = self.segment_of(number).map(|s| &self.segments[s]) else { return true };
        segment.from == number && (number == 0 || self.segment_of(number - 1).is_none())
    }
}

impl Maker {
    /// Decides which steps of a main chain happen once per key; the length of the chain.
    pub fn plan_segments(&mut self, proto: &mut Proto) -> usize {
        let length = 1 + self.r.below(3);
        if !self.r.chance(28) {
            return length;
        }
        let length = length + 1;
        let first = if proto.begins && self.r.chance(40) { 0 } else { 1 + self.r.below(length - 1) };
        self.plan_segment(proto, first, length);
        let next = proto.segments.last().map_or(length, |s| s.to);
        if next < length && self.r.chance(40) {
            self.plan_segment(proto, next, length);
        }
        // Not all of a chain can be sub-runs.
        if first == 0 && proto.segments.last().is_some_and(|s| s.to == length) { length + 1 } else { length }
    }

    fn plan_segment(&mut self, proto: &mut Proto, from: usize, length: usize) {
        let small: Vec<usize> = (0..self.sorts.len()).filter(|s| self.sorts[*s].size < 3).collect();
        let Some(sort) = self.r.maybe(&small) else { return };
        let own = self.sorts[sort].name.clone();
        let each = self.r.chance(45) && !proto.subjects.iter().any(|(name, _)| *name == own);
        let key = if each { own } else { self.fresh("k") };
        let to = if each { from + 1 } else { from + 1 + self.r.below(length - from) };
        proto.segments.push(Segment { from, to, each, keys: vec![(key, sort)] });
    }

    /// Their declarations.
    pub fn written_segments(&mut self, proto: &Proto) -> Vec<String> {
        let mut lines = Vec::new();
        for segment in &proto.segments {
            let first = &proto.steps[segment.from].name;
            let keys: Vec<String> =
                segment.keys.iter().map(|(n, s)| format!("{n}: {}", self.sorts[*s].name)).collect();
            if segment.each {
                self.has("each");
                lines.push(format!("each {first}: {}", segment.keys[0].0));
                continue;
            }
            self.has("spawn");
            lines.push(format!("spawn {first} for each ({})", keys.join(", ")));
            if proto.steps[segment.to - 1].last && proto.steps[segment.to - 1].chain == 0 {
                continue;
            }
            self.has("join");
            lines.push(format!("join {}", proto.steps[segment.to].name));
        }
        lines
    }
}
