//! `archc audit`: what each part of a spec is for.

use super::{complain, deliver};
use crate::audit::{self, Audit};
use crate::cli::{AuditArgs, AuditFormat};
use crate::engines::Request;
use crate::interrupt;
use crate::load::{self, Input};
use crate::outcome::{ExitStatus, SpecOutcome};
use crate::progress::Progress;
use crate::render::audit::{self as render, Detail};
use crate::render::text;
use crate::style::Paint;
use crate::{panics, pipeline};
use arch_base::SourceMap;
use std::sync::atomic::AtomicBool;

/// Audits every spec that was named.
#[must_use]
pub fn run(args: &AuditArgs, paint: Paint) -> ExitStatus {
    let mut sources = SourceMap::default();
    let inputs = load::load(&args.input.paths, &mut sources);
    let interrupt = interrupt::install();
    let mut status = ExitStatus::Success;
    let (mut texts, mut values, mut known) = (Vec::new(), Vec::new(), Vec::new());
    for input in &inputs {
        let audited = panics::caught(|| audited(input, &sources, args, &interrupt));
        let audited =
            audited.unwrap_or_else(|what| Err(Box::new(pipeline::internal_error(&input.name, &what))));
        let instance = args.instance.as_deref();
        match audited {
            Ok(audit) => {
                status = status.max(audit.status(args.strict));
                let detail = Detail { traces: args.trace, items: &args.items, strict: args.strict };
                texts.push(render::text(&input.name, instance, &audit, detail, &sources, paint));
                values.push(render::value(&input.name, instance, &audit, args.strict, &sources));
                known.extend(audit.items.into_iter().map(|i| i.item.id));
            }
            Err(outcome) => {
                status = status.max(outcome.status);
                texts.push(text::spec(&outcome, &sources, paint));
                values.push(render::unaudited(&outcome, &sources));
            }
        }
    }
    for missing in args.items.iter().filter(|i| !known.contains(i)) {
        complain(&format!("no spec has a part {missing}"));
        status = status.max(ExitStatus::Invalid);
    }
    match args.format {
        AuditFormat::Text => deliver(&texts.join("\n"), status),
        AuditFormat::Json => deliver(&render::document(&values, status.code()), status),
    }
}

fn audited(
    input: &Input,
    sources: &SourceMap,
    args: &AuditArgs,
    interrupt: &AtomicBool,
) -> Result<Audit, Box<SpecOutcome>> {
    let file = pipeline::readable(input)?;
    let settings = pipeline::settings(&args.input.settings);
    let (program, accepted) = pipeline::auditable(file, sources, settings, args.instance.clone())?;
    let progress = Progress::new(&input.name);
    let request = Request {
        engine: crate::cli::Engine::Explorer,
        threads: args.threads.unwrap_or(0),
        symmetry: !args.no_symmetry,
        compact: false,
        limits: pipeline::limits(&args.limits),
        interrupt,
        progress: &progress,
    };
    Ok(audit::audit(&program, &accepted, &request, sources))
}
