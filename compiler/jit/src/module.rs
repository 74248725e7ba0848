//! From a plan to a module of compiled functions.

use crate::call::{Addresses, Functions, Sizes};
use crate::functions::{Body, pieces};
use arch_check::native::{Native, Notes};
use arch_check::plan::{Action, Graph, Id, Outcome, Plan};
use arch_explorer::Room;
use cranelift_codegen::Context;
use cranelift_codegen::ir::{AbiParam, Signature, types};
use cranelift_codegen::settings::{self, Configurable};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use cranelift_jit::{JITBuilder, JITModule};
use cranelift_module::{FuncId, Module, default_libcall_names};

/// Plans that need more nodes than this are not compiled: it would take seconds.
const MOST: usize = 300_000;

/// Computations that are deeper than this are not compiled: they are lowered by recursion.
const DEEPEST: u32 = 5_000;

/// Compiled functions of a plan.
#[derive(Debug)]
struct Compiled(Functions);

impl Native for Compiled {
    #[inline]
    fn expand(&self, state: &[u64], room: Room<'_>, notes: &mut Notes) -> usize {
        let (flags, rare) = notes.parts();
        self.0.expand(state, room.states, room.actions, flags, rare)
    }

    #[inline]
    fn judge(&self, state: &[u64], found: &mut [u32]) -> Option<usize> {
        self.0.judge(state, found)
    }
}

/// Compiles a plan.
pub(crate) fn compile(plan: &Plan) -> Option<impl Native + use<>> {
    // A tick that has to be settled may turn out to be none: only a last one can be taken back.
    let last = plan.actions.len().checked_sub(1).map(|i| i as u32);
    let settled = |i: u32| matches!(plan.actions[i as usize].outcome, Outcome::Cells(_));
    if plan.tick.is_some_and(|tick| settled(tick) && Some(tick) != last) || deepest(&plan.graph) > DEEPEST {
        return None;
    }
    let mut count = Counter::new(&plan.graph);
    let sizes: Vec<usize> = plan.actions.iter().map(|a| count.size(&nodes_of(a))).collect();
    let judge = count.size(&judged(plan));
    if sizes.iter().sum::<usize>() + judge > MOST {
        return None;
    }
    build(plan, &sizes).map(Compiled)
}

/// The longest path in a graph.
fn deepest(graph: &Graph) -> u32 {
    let mut depths: Vec<u32> = Vec::with_capacity(graph.len());
    for i in 0..graph.len() as u32 {
        let below = graph.operands(Id(i)).map(|o| depths[o.0 as usize] + 1).max();
        depths.push(below.unwrap_or(0));
    }
    depths.into_iter().max().unwrap_or(0)
}

/// All that is computed for an action, but for what is judged only when it exceeds its bounds.
fn nodes_of(action: &Action) -> Vec<Id> {
    let numbered = action.cuts.iter().chain(&action.claims).map(|(id, _)| *id);
    let (Outcome::Words(outcome) | Outcome::Cells(outcome)) = &action.outcome;
    let lists = [&action.base, &action.guard, &action.rest, &action.live, &action.bounds];
    lists.into_iter().flatten().copied().chain(numbered).chain(outcome.iter().map(|(_, id)| *id)).collect()
}

fn judged(plan: &Plan) -> Vec<Id> {
    let hits = plan.judge.hits.iter().flat_map(|(exists, holds, _)| [*exists, *holds]);
    plan.judge.violated.iter().map(|(id, _)| *id).chain(hits).collect()
}

/// Counts the nodes below some.
struct Counter<'g> {
    graph: &'g Graph,
    seen: Vec<u32>,
    round: u32,
}

impl Counter<'_> {
    fn new(graph: &Graph) -> Counter<'_> {
        Counter { graph, seen: vec![0; graph.len()], round: 0 }
    }

    fn size(&mut self, roots: &[Id]) -> usize {
        self.round += 1;
        let (mut open, mut size) = (roots.to_vec(), 0);
        while let Some(id) = open.pop() {
            let seen = &mut self.seen[id.0 as usize];
            if *seen != self.round {
                *seen = self.round;
                size += 1;
                open.extend(self.graph.operands(id));
            }
        }
        size + 8
    }
}

fn build(plan: &Plan, sizes: &[usize]) -> Option<Functions> {
    let mut builder = Builder::new()?;
    let expand = pieces(plan, sizes);
    let mut ids = Vec::new();
    for pieces in &expand {
        ids.push(builder.function(6, |b| Body::new(plan, sizes, b).expand(pieces))?);
    }
    let judge = builder.function(2, |b| Body::new(plan, sizes, b).judge())?;
    let mut module = builder.module;
    module.finalize_definitions().ok()?;
    let at = |id: &FuncId| module.get_finalized_function(*id);
    let addresses = Addresses { expand: ids.iter().map(at).collect(), judge: Some(at(&judge)) };
    let room = Sizes {
        words: plan.words as usize,
        actions: plan.actions.len(),
        flags: (plan.steps + plan.cuts) as usize,
        findings: plan.judge.violated.len() + plan.judge.hits.len(),
    };
    Some(Functions::new(&addresses, room, module))
}

struct Builder {
    module: JITModule,
    context: Context,
    functions: FunctionBuilderContext,
}

impl Builder {
    fn new() -> Option<Builder> {
        let mut flags = settings::builder();
        flags.set("opt_level", "speed").ok()?;
        flags.set("is_pic", "false").ok()?;
        flags.set("use_colocated_libcalls", "false").ok()?;
        flags.set("enable_verifier", if cfg!(debug_assertions) { "true" } else { "false" }).ok()?;
        let isa = cranelift_native::builder().ok()?.finish(settings::Flags::new(flags)).ok()?;
        let module = JITModule::new(JITBuilder::with_isa(isa, default_libcall_names()));
        let context = module.make_context();
        Some(Builder { module, context, functions: FunctionBuilderContext::new() })
    }

    /// Compiles a function of 64-bit parameters to a 64-bit result.
    fn function(
        &mut self,
        parameters: usize,
        write: impl FnOnce(&mut FunctionBuilder<'_>),
    ) -> Option<FuncId> {
        let mut signature = Signature::new(self.module.isa().default_call_conv());
        signature.params = vec![AbiParam::new(types::I64); parameters];
        signature.returns = vec![AbiParam::new(types::I64)];
        self.context.func.signature = signature;
        let id = self.module.declare_anonymous_function(&self.context.func.signature).ok()?;
        let mut b = FunctionBuilder::new(&mut self.context.func, &mut self.functions);
        write(&mut b);
        b.seal_all_blocks();
        b.finalize(self.module.target_config());
        self.module.define_function(id, &mut self.context).ok()?;
        self.module.clear_context(&mut self.context);
        Some(id)
    }
}
