//! A whole crate around generated code: what the tool owns, and what it writes once for its user.

use crate::names::{camel, ident};
use crate::serve::{Op, Served};
use crate::tested::tests;
use crate::{Code, File, Origin};

/// What the crate is called, and where the runtime is.
#[derive(Clone, Debug)]
pub struct Crate {
    /// The package: `claims-service`.
    pub name: String,
    /// The library: `claims_service`.
    pub lib_name: String,
    /// The dependency, as `Cargo.toml` has it: `path = "…"`, `workspace = true`, `version = "…"`.
    pub runtime: String,
}

/// The files of a crate.
#[derive(Clone, Debug, Default)]
pub struct Project {
    /// Overwritten, while nobody else changed them.
    pub owned: Vec<File>,
    /// Written if they are not there.
    pub once: Vec<File>,
}

/// The crate of some code.
#[must_use]
pub fn project(code: &Code, origin: &Origin, package: &Crate) -> Project {
    let file = |path: &str, text: String| File { path: path.to_owned(), text };
    let mut owned: Vec<File> =
        code.files.iter().map(|f| file(&format!("src/generated/{}", f.path), f.text.clone())).collect();
    owned.push(file("openapi.json", code.openapi.clone()));
    owned.extend(code.proto.iter().map(|proto| file(&proto.path, proto.text.clone())));
    owned.extend(tests(origin, package, code.proto.is_some()));
    let mut once = vec![
        file("Cargo.toml", manifest(package, code.proto.is_some())),
        file("src/lib.rs", library(code, package)),
        file("src/main.rs", main(package)),
        file("src/handlers/mod.rs", handlers_mod(code)),
        file(&format!("{}.toml", package.name), settings(code, package)),
        file(".gitignore", "/target\n*.db\n*.db-shm\n*.db-wal\n".into()),
    ];
    once.extend(code.actors.iter().map(|a| file(&format!("src/handlers/{}.rs", a.module), handlers(a))));
    Project { owned, once }
}

/// The methods of an actor's handlers, to be pasted where they are missing.
#[must_use]
pub fn stubs(actor: &Served) -> String {
    actor.ops.iter().map(stub).collect::<Vec<_>>().join("\n")
}

/// The longest line of rustfmt's defaults, which users have.
const WIDTH: usize = 100;

fn stub(op: &Op) -> String {
    let (method, request) = (&op.method, &op.request);
    let (argument, made, body) = match &op.choices {
        Some(choices) => ("request", choices.as_str(), "request.choices()"),
        None => ("_request", "()", "Ok(())"),
    };
    let arguments = format!("&self, _call: &Call, {argument}: {request}");
    let made = format!("Result<{made}, HandlerError>");
    let line = format!("    async fn {method}({arguments}) -> {made} {{");
    let line = if line.chars().count() <= WIDTH {
        line
    } else {
        format!(
            "    async fn {method}(\n        {},\n    ) -> {made} {{",
            arguments.replace(", ", ",\n        ")
        )
    };
    format!("{line}\n        {body}\n    }}\n")
}

fn handlers(actor: &Served) -> String {
    let (name, handlers) = (camel(&actor.name), &actor.handlers);
    format!(
        "//! What `{actor}` does before each of its steps. This file is yours: it is written once.\n//!\n\
         //! A method makes the choices that the spec leaves open. It may wait for the network; it runs at least once for each\n\
         //! request, outside the transaction. Guards and effects are in the generated step.\n\n\
         use crate::generated::handlers::*;\nuse arch_runtime::service::{{Call, HandlerError}};\n\n/// The handlers of `{actor}`.\n#[derive(Clone, Debug, Default)]\npub struct {name};\n\n\
         impl {handlers} for {name} {{\n{stubs}}}\n",
        actor = actor.name,
        stubs = stubs(actor),
    )
}

fn handlers_mod(code: &Code) -> String {
    let mut modules: Vec<String> =
        code.actors.iter().map(|a| format!("pub mod {};\n", ident(&a.module))).collect();
    modules.sort();
    format!("//! Your code: one module for each actor.\n\n{}", modules.concat())
}

fn library(code: &Code, package: &Crate) -> String {
    let handlers =
        code.actors.iter().map(|a| format!("        handlers::{}::{},\n", ident(&a.module), camel(&a.name)));
    let name = &package.name;
    format!(
        "//! The service `{name}`: generated steps, and your handlers around them.\n\n\
         #[rustfmt::skip]\npub mod generated;\npub mod handlers;\n\n\
         use arch_runtime::service::Service;\nuse arch_runtime::settings::Settings;\n\n\
         /// The name of the service: of its settings file and its environment variables.\n\
         pub const NAME: &str = \"{name}\";\n\n\
         /// The service with your handlers.\n///\n/// # Errors\n/// The settings lack a list of instances.\n\
         pub fn service(settings: &Settings) -> Result<Service, String> {{\n    \
         generated::service::service(\n        NAME,\n        env!(\"CARGO_PKG_VERSION\"),\n        \
         settings.member_lists(),\n{}    )\n}}\n",
        handlers.collect::<String>()
    )
}

fn main(package: &Crate) -> String {
    let library = &package.lib_name;
    format!(
        "//! Serves on SQLite, or on PostgreSQL if `store.url` says so; `--help` lists what else it does.\n\n\
         use std::process::ExitCode;\n\n\
         fn main() -> ExitCode {{\n    arch_runtime::cli::main({library}::NAME, {library}::service)\n}}\n"
    )
}

fn manifest(package: &Crate, grpc: bool) -> String {
    let Crate { name, runtime, .. } = package;
    let features = if grpc { r#""http", "grpc", "sqlite""# } else { r#""http", "sqlite""# };
    // A crate of its own, wherever it lies; in a workspace, its members say so.
    let workspace =
        if runtime.contains("workspace") { "" } else { "\n[workspace]\nexclude = [\"vendor\"]\n" };
    format!(
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\npublish = false\n\n\
         [features]\n# The finite model of the spec, which the tests explore.\nmodel = [\"arch-runtime/model\"]\n\
         # The same for stateright's engines and its explorer.\nstateright = [\"model\", \"arch-runtime/stateright\"]\n\
         # The service in a simulated network where everything goes wrong.\nsimulation = [\"model\", \"arch-runtime/simulation\"]\n\
         # Random sequences of requests.\nproperties = [\"model\", \"arch-runtime/properties\"]\n\
         # PostgreSQL as the store.\npostgres = [\"arch-runtime/postgres\"]\n\n\
         [dependencies]\narch-runtime = {{ {runtime}, features = [{features}] }}\n\n\
         [dev-dependencies]\n{name} = {{ path = \".\", features = [\"model\", \"properties\", \"simulation\"] }}\n{workspace}"
    )
}

fn settings(code: &Code, package: &Crate) -> String {
    let mut text = format!(
        "# Settings of {name}; `{name} config` prints all of them.\n\n[store]\nurl = \"sqlite:{name}.db\"\n",
        name = package.name
    );
    if !code.closed.is_empty() {
        text.push_str("\n# The instances of types that some step looks at as a whole.\n[members]\n");
        for (sort, all) in &code.closed {
            text.push_str(&format!("{sort} = {all:?}\n"));
        }
    }
    text
}
