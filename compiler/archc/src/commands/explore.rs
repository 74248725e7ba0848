//! `archc explore`: stateright's web Explorer.

use super::{complain, deliver};
use crate::cli::ExploreArgs;
use crate::engines;
use crate::interrupt;
use crate::load;
use crate::outcome::{ExitStatus, SpecOutcome};
use crate::pipeline;
use crate::render::text;
use crate::style::Paint;
use arch_base::SourceMap;
use arch_ir::Program;

/// Serves a spec until Ctrl-C.
#[must_use]
pub fn run(args: &ExploreArgs) -> ExitStatus {
    let mut sources = SourceMap::default();
    let input = load::load_file(&args.file, &mut sources);
    let settings = pipeline::settings(&args.settings);
    let resolved = pipeline::readable(&input)
        .and_then(|file| pipeline::resolve(file, &sources, settings, args.instance.clone()));
    match resolved {
        Ok(program) => serve(&program, args),
        Err(outcome) => refused(&outcome, &sources),
    }
}

fn serve(program: &Program, args: &ExploreArgs) -> ExitStatus {
    complain(&format!("serving {} on http://{}/ until Ctrl-C", args.file.display(), args.address));
    interrupt::end_quietly();
    match engines::serve(program, args.address) {
        Ok(()) => ExitStatus::Success,
        Err(refusal) => {
            complain(&refusal.message);
            ExitStatus::Invalid
        }
    }
}

fn refused(outcome: &SpecOutcome, sources: &SourceMap) -> ExitStatus {
    deliver(&text::spec(outcome, sources, Paint::PLAIN), outcome.status)
}
