//! A protocol as it is drawn: who takes part, the steps in rows, what leads where.

use arch_grammar::ast::{
    BranchWindow, Chain, HeadItem, Item, ItemKind, Module, OpRef, Protocol, Rules, Step, TimingKind,
};
use arch_grammar::print_expression;

/// A protocol, ready to be drawn.
#[derive(Debug, Default)]
pub struct Flow {
    /// Actors and roles, in order of appearance, each with what it is besides its name.
    pub lanes: Vec<(String, String)>,
    /// The main chain, then the branches; of a `rules` block each rule is one.
    pub chains: Vec<Line>,
}

/// A chain of steps.
#[derive(Debug)]
pub struct Line {
    /// The steps.
    pub steps: Vec<Node>,
    /// The word at the end; none in a rule.
    pub outcome: Option<String>,
    /// Of a branch, where it may be taken.
    pub taken: Option<Taken>,
}

/// Where a branch may be taken.
#[derive(Debug)]
pub struct Taken {
    /// The steps of the main chain at which the run waits then, both included.
    pub from: usize,
    /// See `from`.
    pub to: usize,
    /// In words.
    pub words: String,
}

/// A step.
#[derive(Debug)]
pub struct Node {
    /// Which lane.
    pub lane: usize,
    /// The operation.
    pub name: String,
    /// When it is legal.
    pub guards: Vec<String>,
    /// What happens when it is not: an outcome, or nothing (the run waits).
    pub otherwise: Option<String>,
    /// What else is declared of it.
    pub marks: Vec<String>,
}

/// Finds what a file declares about steps.
pub struct Annotations<'a> {
    module: &'a Module,
    protocol: Option<&'a str>,
    head: &'a [HeadItem],
}

impl<'a> Annotations<'a> {
    /// Those about a protocol (or a `rules` block, which has no name) with this head.
    pub fn new(module: &'a Module, protocol: Option<&'a str>, head: &'a [HeadItem]) -> Annotations<'a> {
        Annotations { module, protocol, head }
    }

    /// The declarations that count here: the head's first.
    fn items(&self) -> impl Iterator<Item = &'a Item> {
        let head = self.head.iter().filter_map(|h| match h {
            HeadItem::Item(item) => Some(item),
            _ => None,
        });
        head.chain(&self.module.items)
    }

    /// Whether a reference means this operation of this protocol.
    fn means(&self, target: &OpRef, operation: &str) -> bool {
        let protocol = target.protocol.as_ref().map(|p| p.name.as_str());
        target.operation.name == operation && protocol.is_none_or(|p| Some(p) == self.protocol)
    }

    /// The `on` declarations of an operation.
    pub fn on(&self, operation: &str) -> Vec<(&'a Item, &'a arch_grammar::ast::OnDecl)> {
        let on = self.items().filter_map(|item| match &item.kind {
            ItemKind::On(on) if self.means(&on.target, operation) => Some((item, on)),
            _ => None,
        });
        on.collect()
    }

    /// The `rejects` declarations of an operation.
    pub fn rejects(&self, operation: &str) -> Vec<(&'a Item, &'a arch_grammar::ast::Rejects)> {
        let rejects = self.items().filter_map(|item| match &item.kind {
            ItemKind::Rejects(r) if self.means(&r.target, operation) => Some((item, r)),
            _ => None,
        });
        rejects.collect()
    }

    fn guards(&self, step: &Step) -> Vec<String> {
        let line = step.guard.iter();
        let on = self.on(&step.operation.name);
        let required = on.iter().filter_map(|(_, on)| on.requires.as_ref());
        line.chain(required).map(print_expression).collect()
    }

    fn marks(&self, operation: &str) -> Vec<String> {
        let named = |targets: &[OpRef]| targets.iter().any(|t| self.means(t, operation));
        let head = self.head.iter().filter_map(|h| match h {
            HeadItem::BindRole { role, at } if self.means(at, operation) => {
                Some(format!("binds {}", role.name))
            }
            HeadItem::Let { name, value, at: Some(at) } if self.means(at, operation) => {
                Some(format!("{} := {}", name.name, print_expression(value)))
            }
            _ => None,
        });
        let items = self.items().filter_map(|item| match &item.kind {
            ItemKind::Loop(targets) if named(targets) => Some("any number of times".to_owned()),
            ItemKind::Each(d) if self.means(&d.target, operation) => {
                Some(format!("for each {}", d.sort.name))
            }
            ItemKind::Spawn(d) if self.means(&d.target, operation) => {
                let subjects: Vec<&str> = d.subjects.iter().map(|s| s.name.name.as_str()).collect();
                Some(format!("from here for each {}, side by side", subjects.join(", ")))
            }
            ItemKind::Join(target) if self.means(target, operation) => Some("when all have ended".to_owned()),
            ItemKind::Split(d) if self.means(&d.target, operation) => {
                Some(format!("in two parts, the first of {}", statements(d.after)))
            }
            ItemKind::Fairness(d) if named(&d.targets) => {
                Some(if d.strong { "strongly fair" } else { "not fair" }.to_owned())
            }
            ItemKind::Timing(d) if self.means(&d.target, operation) => {
                let ticks = d.ticks.as_ref().map(print_expression).unwrap_or_default();
                Some(match d.kind {
                    TimingKind::Urgent => "before the next tick".to_owned(),
                    TimingKind::Deadline => format!("within {ticks} ticks"),
                    TimingKind::Pace => format!("at least every {ticks} ticks"),
                })
            }
            _ => None,
        });
        head.chain(items).collect()
    }

    fn window(&self, branch: &str) -> Option<&'a BranchWindow> {
        self.items().find_map(|item| match &item.kind {
            ItemKind::Branch(b) if self.means(&b.target, branch) => Some(&b.window),
            _ => None,
        })
    }
}

fn statements(count: u32) -> String {
    if count == 1 { "one statement".to_owned() } else { format!("{count} statements") }
}

/// A protocol as it is drawn.
pub fn of_protocol(module: &Module, protocol: &Protocol) -> Flow {
    let about = Annotations::new(module, Some(&protocol.name.name), &protocol.head);
    let mut flow = Flow::default();
    let main = line(&mut flow, module, &about, &protocol.main, None);
    flow.chains.push(main);
    for branch in &protocol.branches {
        let taken = branch.steps.first().map(|s| taken(&about, &protocol.main.steps, &s.operation.name));
        let line = line(&mut flow, module, &about, branch, taken);
        flow.chains.push(line);
    }
    flow
}

/// A `rules` block as it is drawn: steps that lead nowhere.
pub fn of_rules(module: &Module, rules: &Rules) -> Flow {
    let about = Annotations::new(module, None, &rules.head);
    let mut flow = Flow::default();
    for step in &rules.steps {
        let node = node(&mut flow, module, &about, step);
        flow.chains.push(Line { steps: vec![node], outcome: None, taken: None });
    }
    flow
}

fn line(
    flow: &mut Flow,
    module: &Module,
    about: &Annotations<'_>,
    chain: &Chain,
    taken: Option<Taken>,
) -> Line {
    let steps = chain.steps.iter().map(|step| node(flow, module, about, step)).collect();
    let outcome = chain.outcome.as_ref().map_or("ends", |o| &o.name);
    Line { steps, outcome: Some(outcome.to_owned()), taken }
}

fn node(flow: &mut Flow, module: &Module, about: &Annotations<'_>, step: &Step) -> Node {
    let name = &step.operation.name;
    let rejects = about.rejects(name);
    Node {
        lane: lane(flow, module, &step.actor.name),
        name: name.clone(),
        guards: about.guards(step),
        otherwise: rejects.first().map(|(_, r)| r.outcome.name.clone()),
        marks: about.marks(name),
    }
}

fn lane(flow: &mut Flow, module: &Module, actor: &str) -> usize {
    if let Some(at) = flow.lanes.iter().position(|(name, _)| name == actor) {
        return at;
    }
    let is = module.items.iter().find_map(|item| match &item.kind {
        ItemKind::Role(r) if r.name.name == actor && r.same_instance => {
            Some(format!("is the {}", r.actor.name))
        }
        ItemKind::Role(r) if r.name.name == actor => Some(format!("a {}", r.actor.name)),
        _ => None,
    });
    flow.lanes.push((actor.to_owned(), is.unwrap_or_default()));
    flow.lanes.len() - 1
}

/// Where a branch may be taken: as declared, else at any point after the beginning.
fn taken(about: &Annotations<'_>, main: &[Step], branch: &str) -> Taken {
    let last = main.len().saturating_sub(1);
    let place = |target: &OpRef| {
        let name = target.operation.name.clone();
        (main.iter().position(|s| s.operation.name == name).unwrap_or(0), name)
    };
    let (from, to, words) = match about.window(branch) {
        None if last == 0 => (0, 0, "instead".to_owned()),
        None => (1, last, format!("instead of going on, once {} happened", main[0].operation.name)),
        Some(BranchWindow::After(target)) => {
            let (at, name) = place(target);
            ((at + 1).min(last), last, format!("once {name} happened"))
        }
        Some(BranchWindow::At(target)) => {
            let (at, name) = place(target);
            (at, at, format!("while waiting for {name}"))
        }
        Some(BranchWindow::Before(target)) => {
            let (at, name) = place(target);
            (1.min(at), at, format!("until {name} happened"))
        }
        Some(BranchWindow::AtStart(_)) => (0, 0, "as the first step".to_owned()),
        Some(BranchWindow::Detached(_)) => {
            (1.min(last), last, "at any point; the run stays where it is".to_owned())
        }
    };
    Taken { from, to, words }
}
