//! A crate that has many generated programs as its modules: written, compiled, run.

use crate::repository;
use arch_base::SourceMap;
use arch_codegen::{Origin, Refusal, Transport, generate};
use arch_ir::Program;
use std::fmt::Write;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a program says of its model.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Said {
    /// Every state with its events, and a summary.
    Everything,
    /// Counts and verdicts.
    Summary,
}

/// A crate of generated programs.
pub struct Programs {
    folder: PathBuf,
    said: Said,
    names: Vec<String>,
}

impl Programs {
    /// An empty one in this folder; what was there is gone.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn new(folder: &Path, said: Said) -> io::Result<Programs> {
        if folder.join("src").exists() {
            fs::remove_dir_all(folder.join("src"))?;
        }
        fs::create_dir_all(folder.join("src"))?;
        Ok(Programs { folder: folder.to_owned(), said, names: Vec::new() })
    }

    /// Adds a program under a name that is a Rust module's.
    ///
    /// # Errors
    /// What no code is made of.
    ///
    /// # Panics
    /// The folder cannot be written.
    pub fn add(&mut self, name: &str, text: &str, program: &Program) -> Result<(), Vec<Refusal>> {
        let mut sources = SourceMap::default();
        sources.add(format!("{name}.arch"), text.to_owned());
        let origin = Origin {
            tool: "tests".into(),
            spec: format!("{name}.arch"),
            hash: "sha256:test".into(),
            tick: 1_000,
        };
        let code = generate(program, &sources, &origin, Transport::default())?;
        let folder = self.folder.join("src").join(name);
        fs::create_dir_all(&folder).expect("a folder");
        for file in code.files {
            fs::write(folder.join(file.path), file.text).expect("written");
        }
        self.names.push(name.to_owned());
        Ok(())
    }

    /// Forgets the program that was added last.
    pub fn drop_last(&mut self) {
        self.names.pop();
    }

    /// Compiles the crate and runs it: the texts that the programs' models say, in order.
    ///
    /// # Errors
    /// What the compiler or the program says instead.
    pub fn run(&self, most: u64) -> Result<Vec<String>, String> {
        self.write(most).map_err(|e| e.to_string())?;
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.args(["run", "--offline", "--quiet"]).current_dir(&self.folder);
        // What is compiled here is compiled beside the tests: dependencies are there already.
        let target = self.folder.ancestors().nth(2).unwrap_or(&self.folder);
        command.env("CARGO_TARGET_DIR", target);
        let output = command.output().map_err(|e| e.to_string())?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).chars().take(6_000).collect());
        }
        let said = |name: &String| fs::read_to_string(self.folder.join(format!("{name}.txt")));
        self.names.iter().map(said).collect::<Result<_, _>>().map_err(|e| e.to_string())
    }

    fn write(&self, most: u64) -> io::Result<()> {
        let mut main = String::from("//! Says what each program does.\n\nmod listing;\n");
        self.names.iter().for_each(|name| _ = writeln!(main, "#[allow(warnings)]\nmod {name};"));
        main.push_str("\nfn main() {\n");
        let list = if self.said == Said::Everything { "of" } else { "summary" };
        for name in &self.names {
            _ = writeln!(
                main,
                "    let text = listing::Listing::{list}(&{name}::model::model(), {most}).text();\n    \
                 std::fs::write(\"{name}.txt\", text).expect(\"written\");"
            );
        }
        main.push_str("}\n");
        fs::write(self.folder.join("src/main.rs"), main)?;
        fs::write(self.folder.join("src/listing.rs"), include_str!("listing.rs"))?;
        // Services include the document of their interface, which nobody asks here.
        fs::write(self.folder.join("openapi.json"), "{}")?;
        fs::write(self.folder.join("Cargo.toml"), self.manifest())?;
        fs::copy(repository("Cargo.lock"), self.folder.join("Cargo.lock")).map(|_| ())
    }

    fn manifest(&self) -> String {
        let runtime = repository("runtime");
        let runtime = runtime.canonicalize().unwrap_or(runtime);
        // Crates in one target folder need names of their own.
        let name = self.folder.file_name().and_then(|name| name.to_str()).unwrap_or("programs");
        format!(
            "[package]\nname = \"generated-{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
             [features]\ndefault = [\"model\"]\nmodel = []\n\n[dependencies]\n\
             arch-runtime = {{ path = {runtime:?}, default-features = false, features = [\"http\", \"model\"] }}\n\n\
             [profile.dev]\nopt-level = 0\ndebug = false\nincremental = false\n\n\
             [profile.dev.package.\"*\"]\nopt-level = 2\n"
        )
    }
}
