//! The spec, as `archc trace check` judges traces by it.

use arch_base::{FileId, SourceMap};
use arch_trace::{MemberLists, Subject};
use job_queue::generated::spec::{schema, spec};

/// What `archc trace check` reads of the spec.
pub fn subject() -> Subject {
    let text = include_str!("../../job_queue.arch");
    let module = arch_grammar::parse(FileId(0), text).expect("it parses");
    let mut sources = SourceMap::default();
    sources.add("job_queue.arch", text.to_owned());
    let program = arch_sema::analyze(&module, &arch_sema::Options::default()).program;
    let hash = schema().spec().clone();
    let subject = Subject::new(
        &program.expect("a model"),
        &hash,
        spec().tick,
        &MemberLists::new(),
    );
    subject.expect("a service is made of it")
}
