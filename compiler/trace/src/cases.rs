//! What comes of an event in every case of what happened outside.

use crate::evaluate::{GhostWrite, Verdict, surely};
use crate::event::{Fetched, Scene, View};
use crate::ghosts::{Case, RowId};
use arch_ir::{PropertyId, Value};
use arch_runtime::value as rt;

/// What came of an event in every case of what is outside.
#[derive(Default)]
pub struct Cases {
    /// The cases afterwards.
    pub after: Vec<Case>,
    /// For each case in which the event fits, what it surely breaks.
    pub broken: Vec<Vec<PropertyId>>,
    /// What it may break.
    perhaps: Vec<PropertyId>,
}

impl Cases {
    /// Adds what comes of one case; false if the event touches rows that have cases of their own.
    pub fn add(&mut self, view: View<'_>, scene: &Scene, fetched: &[Fetched<'_>], verdict: &Verdict) -> bool {
        let Verdict::Fits { outside: writes, violated, perhaps } = verdict else { return true };
        self.broken.push(violated.clone());
        self.perhaps.extend(perhaps);
        let rows = outside(view, scene, fetched);
        let before = |(kind, key): &RowId| view.ghosts.row(*kind, key, view.case).map(<[_]>::to_vec);
        for write in writes {
            let mut after = view.case.clone();
            after.extend(rows.iter().map(|row| (row.clone(), before(row))));
            after.extend(write.iter().map(|w| written(view, scene, w)));
            self.after.push(after);
        }
        view.ghosts.covers(view.case, &rows)
    }

    /// The properties that are violated whatever happened outside, and those that may be.
    pub fn properties(&self) -> (Vec<PropertyId>, Vec<PropertyId>) {
        let (surely, mut perhaps) = surely(&self.broken);
        perhaps.extend(&self.perhaps);
        (surely, perhaps)
    }
}

/// A write to ghost truth, in the values of the journal.
pub fn written(view: View<'_>, scene: &Scene, write: &GhostWrite) -> (RowId, Option<Vec<rt::Value>>) {
    let (subject, kind) = (view.subject, &view.subject.layout.kinds[write.kind]);
    let real = |columns: &[arch_codegen::Column], values: &[Value]| -> Vec<rt::Value> {
        columns.iter().zip(values).map(|(c, v)| scene.world.real(subject.program(), &c.ty, v)).collect()
    };
    let key = real(&kind.keys, &write.key).into();
    ((write.kind - subject.layout.stored, key), Some(real(&kind.columns, &write.values)))
}

/// The rows of ghost truth that an event touches.
pub fn outside(view: View<'_>, scene: &Scene, fetched: &[Fetched<'_>]) -> Vec<RowId> {
    let stored = view.subject.layout.stored;
    let ghosts = fetched.iter().filter(|row| row.kind >= stored);
    let key = |row: &Fetched<'_>| {
        let keys = view.subject.layout.kinds[row.kind].keys.iter().zip(scene.key(view, row));
        keys.map(|(k, v)| scene.world.real(view.subject.program(), &k.ty, v)).collect()
    };
    ghosts.map(|row| (row.kind - stored, key(row))).collect()
}
