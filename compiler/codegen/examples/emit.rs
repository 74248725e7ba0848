//! Prints the generated modules of a spec into a folder: `emit FILE INSTANCE DIR` (`-` for the default instance).

use arch_base::{FileId, SourceMap};
use arch_codegen::{Origin, Transport, generate};

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let text = std::fs::read_to_string(&args[1]).expect("a spec");
    let instance = Some(args[2].clone()).filter(|i| i != "-");
    let module = arch_grammar::parse(FileId(0), &text).expect("a spec that parses");
    let analysis = arch_sema::analyze(&module, &arch_sema::Options { instance, ..Default::default() });
    let program = analysis.program.expect("a model");
    let mut sources = SourceMap::default();
    sources.add(args[1].clone(), text);
    let origin =
        Origin { tool: "archc".into(), spec: args[1].clone(), hash: "sha256:test".into(), tick: 1_000 };
    match generate(&program, &sources, &origin, Transport::default()) {
        Ok(files) => {
            for file in files.files {
                std::fs::write(std::path::Path::new(&args[3]).join(file.path), file.text).expect("written");
            }
        }
        Err(refusals) => refusals.iter().for_each(|r| println!("{:?} {}", r.span, r.message)),
    }
}
