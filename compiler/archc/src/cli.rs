//! The command line: what may be said and what it says of itself. Nothing here does anything.

use arch_check::simulate::Runs;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

const EXIT_STATUS: &str = "\
Exit status (the worst over all files decides):
  0   everything holds, or ends as the file expects
  1   a property is violated, or an expected violation is missing
  2   the spec or the command line is wrong
  3   inconclusive: a limit, Ctrl-C, a property that is not checked, a bound that cut
      exploration, a sketch
  4   with --locked, a spec is not what archc.lock says
  5   with --strict, a property holds and says nothing of the model
  70  internal error: please report it";

const SIMULATION_STATUS: &str = "\
Exit status (the worst over all files decides):
  1   a violation was found that the file does not expect
  2   the spec or the command line is wrong
  3   nothing was found, which proves nothing
  70  internal error: please report it";

const AUDIT_STATUS: &str = "\
Exit status (the worst over all files decides):
  0   every part has its class, whatever it is
  1   something depends on a part that the file declares to be redundant
  2   the spec or the command line is wrong
  3   inconclusive: a limit, Ctrl-C, a bound that cut exploration, a sketch
  5   with --strict: a redundant guard without a reason
  70  internal error: please report it";

/// Specifications of distributed protocols: check them, explain what is wrong, format them.
#[derive(Parser, Debug)]
#[command(
    name = "archc",
    version,
    about = "Checks specifications of infrastructure protocols; drafts, formats and explains them",
    long_about = "archc reads .arch specifications: truth objects, the protocol lines that guard them, and the \
                  properties that must hold. It says what does not resolve, what is missing before a sketch can \
                  be explored, and, for a model, whether every reachable state satisfies its properties; if \
                  not, it shows a shortest behaviour that does not.",
    after_long_help = "Start with:\n  archc check specs/I02_claim_lease.arch\n  archc check --help",
    arg_required_else_help = true
)]
pub struct Cli {
    /// Colours in the output: auto asks the terminal and NO_COLOR.
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "WHEN",
        hide_possible_values = true
    )]
    pub color: ColorChoice,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Check specs: names, types, and every reachable state
    ///
    /// Checks every spec: first names and types, then, if the spec is a model, every reachable state
    /// against every property. Directories are searched for *.arch. Every file is reported, whatever the
    /// others came to; the report alone goes to stdout.
    Check(CheckArgs),
    /// Follow random behaviours of specs that are too large to explore
    ///
    /// Follows random behaviours, those of rare steps rather than those of frequent ones, and checks on the way what `archc
    /// check` checks in every state. What is found is a violation, told like that of a check, but perhaps not the shortest;
    /// what is not found stays open: a simulation never says that something holds. The same seed gives the same report,
    /// whatever the number of threads, unless a limit of time ends it.
    Simulate(SimulateArgs),
    /// Show what each fault alone does to each property
    ///
    /// Explores the spec without faults, then under each fault alone that could happen to it (declared or not: crashes of
    /// every actor, lost and duplicated requests of every step, skewed clocks, partitions), and prints which
    /// properties hold and which break, with a shortest behaviour. The spec is not edited.
    Faults(FaultsArgs),
    /// Show which guards, branches and protocols carry load, and what breaks without them
    ///
    /// Takes each guard, each of its atoms, each branch, protocol, `advance`, fault and budget out in turn, and says what
    /// it is: load-bearing (a property breaks without it), masked (a property breaks if another part is taken out as well),
    /// redundant (the spec has the same states and events without it), harmful (without it, a violated property holds) or
    /// unobserved (the spec behaves differently, and no property sees it). Every answer is exact.
    Audit(AuditArgs),
    /// Traces of services
    #[command(subcommand)]
    Trace(TraceCommand),
    /// Print specs in their canonical layout, in place
    ///
    /// Prints each spec in its canonical layout. Files are replaced in one piece and only if something
    /// changes; comments are kept. `-` reads from stdin and writes to stdout.
    Fmt(FmtArgs),
    /// Explain a diagnostic code, such as E0203
    ///
    /// Prints the page of a diagnostic code: what it means, a spec that has it, and what to write instead.
    /// Without a code, lists all of them.
    Explain(ExplainArgs),
    /// Render specs as a static site: truth, diagrams, failure modes, counterexamples
    ///
    /// Writes a page for each spec (truth, protocol diagrams, properties, failure modes and the behaviours that show
    /// them), an index, and the graph of how archetypes are connected. Pages need nothing but themselves. Each spec is
    /// checked first, in its instance `quick` if it has one with failure modes, and the pages say what was found; with
    /// --no-check they have no verdicts.
    Doc(DocArgs),
    /// Turn pasted notes into a first typed spec
    ///
    /// Reads notes (text with "Source of truth in protocol" lists and protocol blocks) and writes a first
    /// .arch for each archetype in them: every truth object with a type for each attribute, inferred from
    /// how the guards use it, the protocol lines as they stand, and what is left to be filled in.
    Draft(DraftArgs),
    /// Walk through a spec's states in the browser (stateright's Explorer)
    ///
    /// Serves stateright's web Explorer on the given address until Ctrl-C: choose among the enabled events
    /// of each state and watch the state change.
    Explore(ExploreArgs),
    /// Generate a Rust service from a spec
    ///
    /// Writes a crate that serves the spec's protocols over HTTP: each step is one atomic guarded transition, and your code
    /// runs before it. The tool owns src/generated, tests/generated and openapi.json and keeps their hashes in
    /// .arch/manifest.json; everything else is written once and then yours.
    Generate(GenerateArgs),
    /// Print a completion script for a shell
    Completions(CompletionsArgs),
}

/// `archc check`.
#[derive(Args, Debug, Default)]
#[command(
    after_help = EXIT_STATUS,
    after_long_help = format!(
        "Examples:\n  \
         archc check specs/I02_claim_lease.arch\n  \
         archc check specs/I02_claim_lease.arch --show \"duplicate claim\"\n  \
         archc check specs --format junit > report.xml\n  \
         archc check specs/classics/two_phase_commit.arch --set N=5\n  \
         archc check specs/I15_execution_fleet.arch --instance large --max-states 5000000 --timeout 10m\n\n{EXIT_STATUS}"
    )
)]
pub struct CheckArgs {
    #[command(flatten)]
    /// Specs.
    pub input: InputArgs,
    /// Checks this instance in the files that have it; `all`: the defaults and every instance of each file
    #[arg(long, value_name = "NAME")]
    pub instance: Option<String>,
    /// What explores the states
    #[arg(long, value_enum, default_value_t)]
    pub engine: Engine,
    /// Threads: of the explorer one per processor unless said, of stateright's engines one
    #[arg(long, value_name = "N", value_parser = threads)]
    pub threads: Option<usize>,
    /// Stores every state: without, the explorer stores one of those that differ only in the names of
    /// interchangeable instances
    #[arg(long)]
    pub no_symmetry: bool,
    /// Stores 64-bit fingerprints of states that have more bits, which takes less memory where parts of states are rarely
    /// the same, more where they often are (`--stats` tells), and is not exact: states that share one are taken for
    /// one. Then nothing holds but "probably", and the report says how probable it is that a
    /// state was missed. Failure modes are not executed
    #[arg(long, conflicts_with_all = ["strict", "lock", "locked"])]
    pub compact: bool,
    /// Does not execute failure modes, each of which explores the spec once more; the report says so
    #[arg(long)]
    pub no_failures: bool,
    /// Tells behaviours that are as they should be, too: those of this property or failure mode, or `all`. What is violated
    /// and not expected is always told
    #[arg(long, value_name = "NAME")]
    pub show: Vec<String>,
    /// The form of the report
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    #[command(flatten)]
    /// Limits.
    pub limits: LimitArgs,
    /// A warning makes a spec fail with exit status 2
    #[arg(long)]
    pub deny_warnings: bool,
    /// A property that holds vacuously does not count as holding: exit status 5
    #[arg(long)]
    pub strict: bool,
    /// Writes what the specs came to into archc.lock; specs that are not named keep their entries
    #[arg(long, conflicts_with_all = ["locked", "no_failures"])]
    pub lock: bool,
    /// Audits the specs too, and keeps in archc.lock what each of their parts is for; from then on, `--lock` and `--locked`
    /// audit where the text changed
    #[arg(long, requires = "lock")]
    pub audit: bool,
    /// Compares with archc.lock, and answers from it what has not changed: exit status 4 where a spec differs
    #[arg(long, conflicts_with = "no_failures")]
    pub locked: bool,
    /// Adds figures of the exploration to the report: events per operation, depths, memory, seconds per phase (text and
    /// JSON, of the explorer)
    #[arg(long, conflicts_with = "locked")]
    pub stats: bool,
}

/// Which specs are looked at, and with which constants.
#[derive(Args, Debug, Clone, Default)]
pub struct InputArgs {
    /// Specs, or directories that are searched for *.arch
    #[arg(required = true, value_name = "FILE|DIR")]
    pub paths: Vec<PathBuf>,
    /// Gives a constant of the spec another value
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = setting)]
    pub settings: Vec<(String, String)>,
}

/// Limits of each exploration. Reaching one ends in a partial report and exit status 3.
#[derive(Args, Debug, Clone, Default)]
pub struct LimitArgs {
    /// Ends the exploration of a spec after so many distinct states
    #[arg(long, value_name = "N", value_parser = count)]
    pub max_states: Option<u64>,
    /// Ends the exploration of a spec at so much memory, such as 512MiB or 2G [default: three quarters of what is free]
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    pub max_memory: Option<u64>,
    /// Ends the exploration of a spec after this time, such as 30s, 5m or 1h
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub timeout: Option<Duration>,
}

/// `archc simulate`.
#[derive(Args, Debug)]
#[command(
    after_help = SIMULATION_STATUS,
    after_long_help = format!(
        "Examples:\n  \
         archc simulate specs/I15_execution_fleet.arch --instance large\n  \
         archc simulate specs/I02_claim_lease.arch --seed 7 --timeout 10m --depth 1000\n\n{SIMULATION_STATUS}"
    )
)]
pub struct SimulateArgs {
    #[command(flatten)]
    /// Specs.
    pub input: InputArgs,
    /// Takes this instance in the files that have it; `all`: the defaults and every instance of each file
    #[arg(long, value_name = "NAME")]
    pub instance: Option<String>,
    /// What the behaviours come from: another seed, others
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// How many behaviours to follow [default: 10000, or with --timeout as many as there is time for]
    #[arg(long, value_name = "N", value_parser = count)]
    pub runs: Option<u64>,
    /// The most steps of one
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub depth: u32,
    /// Threads, one per processor unless said
    #[arg(long, value_name = "N", value_parser = threads)]
    pub threads: Option<usize>,
    /// The form of the report
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    #[command(flatten)]
    /// Limits.
    pub limits: LimitArgs,
    /// A warning makes a spec fail with exit status 2
    #[arg(long)]
    pub deny_warnings: bool,
}

/// Runs of a simulation that nothing else ends.
const RUNS: u64 = 10_000;

impl SimulateArgs {
    /// The check that it is, by another engine.
    #[must_use]
    pub fn check(&self) -> CheckArgs {
        let unless_said = if self.limits.timeout.is_some() { u64::MAX } else { RUNS };
        let runs = Runs { seed: self.seed, runs: self.runs.unwrap_or(unless_said), depth: self.depth };
        CheckArgs {
            input: self.input.clone(),
            instance: self.instance.clone(),
            engine: Engine::Simulation(runs),
            threads: self.threads,
            no_symmetry: true,
            no_failures: true,
            format: self.format,
            limits: self.limits.clone(),
            deny_warnings: self.deny_warnings,
            ..CheckArgs::default()
        }
    }
}

/// `archc faults`.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit status: 0 every cell has an answer, whatever it is; 2 a spec is wrong; 3 a limit was reached, or a sketch."
)]
pub struct FaultsArgs {
    #[command(flatten)]
    /// Specs.
    pub input: InputArgs,
    /// Takes the constants of this instance
    #[arg(long, value_name = "NAME")]
    pub instance: Option<String>,
    /// What explores the states
    #[arg(long, value_enum, default_value_t)]
    pub engine: Engine,
    /// Threads, one per processor unless said
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub threads: usize,
    /// The form of the matrix
    #[arg(long, value_enum, default_value_t)]
    pub format: MatrixFormat,
    #[command(flatten)]
    /// Limits.
    pub limits: LimitArgs,
}

/// `archc audit`.
#[derive(Args, Debug)]
#[command(
    after_help = AUDIT_STATUS,
    after_long_help = format!(
        "Examples:\n  \
         archc audit specs/tour/lease.arch\n  \
         archc audit specs/I02_claim_lease.arch --instance quick --item main.commit#1\n  \
         archc audit specs --strict --format json > audit.json\n\n{AUDIT_STATUS}"
    )
)]
pub struct AuditArgs {
    #[command(flatten)]
    /// Specs.
    pub input: InputArgs,
    /// Takes the constants of this instance
    #[arg(long, value_name = "NAME")]
    pub instance: Option<String>,
    /// Explorations at a time, one per processor unless said
    #[arg(long, value_name = "N", value_parser = threads)]
    pub threads: Option<usize>,
    /// Stores every state, as for `archc check`
    #[arg(long)]
    pub no_symmetry: bool,
    /// Tells the whole behaviour of everything that breaks
    #[arg(long)]
    pub trace: bool,
    /// Tells the whole behaviour of this part, such as main.commit#1 or "branch repair.reclaim"; may be repeated
    #[arg(long = "item", value_name = "ID")]
    pub items: Vec<String>,
    /// A redundant guard without a reason (`redundant term 1 of commit "why"`) ends in exit status 5
    #[arg(long)]
    pub strict: bool,
    /// The form of the report
    #[arg(long, value_enum, default_value_t)]
    pub format: AuditFormat,
    #[command(flatten)]
    /// Limits of each exploration.
    pub limits: LimitArgs,
}

const TRACE_STATUS: &str = "\
Exit status:
  0   the trace conforms
  1   an event does not fit: the service, or its store, did what the spec does not say
  2   it is no trace of this spec (empty, truncated, of another text, instance, constant or tick), or the
      command line is wrong
  3   inconclusive: events that are too large to be evaluated, events of earlier versions of the spec
      (unless --accept-earlier), or the spec is a sketch
  70  internal error: please report it";

/// `archc trace`.
#[derive(Subcommand, Debug)]
pub enum TraceCommand {
    /// Check that a service's journal is a behaviour of its spec
    ///
    /// Reads a journal as `SERVICE trace export` writes it and checks it event by event, in one pass: the versions that each
    /// event read and wrote prove that the store was serialisable; guard, branch, effect and outcome of each step are
    /// evaluated again by the semantics of the checker; the properties that can be judged on the rows that an event touches
    /// hold (the report names them, and the others with the reason). The first event that does not fit is explained.
    Check(TraceCheckArgs),
}

/// `archc trace check`.
#[derive(Args, Debug)]
#[command(
    after_help = TRACE_STATUS,
    after_long_help = format!(
        "Examples:\n  \
         claims trace export | archc trace check specs/claims.arch -\n  \
         archc trace check specs/I02_claim_lease.arch trace.jsonl --instance quick --format json\n\n{TRACE_STATUS}"
    )
)]
pub struct TraceCheckArgs {
    /// The spec that the service was generated from
    #[arg(value_name = "SPEC")]
    pub spec: PathBuf,
    /// The trace, or `-` for stdin
    #[arg(value_name = "TRACE")]
    pub trace: PathBuf,
    /// Gives a constant of the spec another value, as when the service was generated
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = setting)]
    pub settings: Vec<(String, String)>,
    /// Takes the constants of this instance, as when the service was generated
    #[arg(long, value_name = "NAME")]
    pub instance: Option<String>,
    /// The length of a tick of the spec's clock, as when the service was generated
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "1s")]
    pub tick: Duration,
    /// The members of an actor or id type of which the service has a closed list, such as worker=w1,w2
    #[arg(long = "members", value_name = "TYPE=ID,…", value_parser = setting)]
    pub members: Vec<(String, String)>,
    /// Says nothing of this ghost truth: what it rules out may have happened all the same, such as more failures than
    /// the model has
    #[arg(long = "assume", value_name = "TRUTH")]
    pub assumed: Vec<String>,
    /// Takes events of this earlier version of the spec as they are: only their order is checked. Name those that were checked
    /// against that version before
    #[arg(long = "accept-earlier", value_name = "HASH")]
    pub accepted: Vec<String>,
    /// The form of the report
    #[arg(long, value_enum, default_value_t)]
    pub format: MatrixFormat,
}

impl TraceCheckArgs {
    /// Whether events of an earlier version of the spec are taken as they are.
    #[must_use]
    pub fn accepts(&self, hash: &str) -> bool {
        self.accepted.iter().any(|accepted| accepted == hash)
    }
}

/// `archc doc`.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit status: that of `archc check` for what was checked; 2 also when the site cannot be written.",
    after_long_help = "Examples:\n  archc doc specs --out site\n  archc doc specs --out site --audit --timeout 60s\n  \
                       archc doc specs/I02_claim_lease.arch --out site --no-check\n\n\
                       Exit status: that of `archc check` for what was checked; 2 also when the site cannot be written."
)]
pub struct DocArgs {
    /// Specs, or directories that are searched for *.arch
    #[arg(required = true, value_name = "FILE|DIR")]
    pub paths: Vec<PathBuf>,
    /// Where the site goes: a directory that is new, empty, or was written by `archc doc`
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Checks this instance in the files that have it, and the defaults in the others [default: quick]
    #[arg(long, value_name = "NAME")]
    pub instance: Option<String>,
    /// Checks nothing: the pages have no verdicts, counts and counterexamples
    #[arg(long, conflicts_with_all = ["instance", "audit", "no_failures", "threads", "max_states", "max_memory", "timeout"])]
    pub no_check: bool,
    /// Does not execute failure modes; the pages say so
    #[arg(long)]
    pub no_failures: bool,
    /// Audits each spec as well, as `archc audit` does: the pages say what each guard is for
    #[arg(long)]
    pub audit: bool,
    /// Threads, one per processor unless said
    #[arg(long, value_name = "N", value_parser = threads)]
    pub threads: Option<usize>,
    #[command(flatten)]
    /// Limits.
    pub limits: LimitArgs,
}

impl DocArgs {
    /// The check of each spec.
    #[must_use]
    pub fn check(&self) -> CheckArgs {
        CheckArgs {
            no_failures: self.no_failures,
            threads: self.threads,
            limits: self.limits.clone(),
            ..CheckArgs::default()
        }
    }
}

/// `archc fmt`.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit status: 0 done, or nothing to do; 1 with --check, a file is not in canonical layout; 2 a file does not parse."
)]
pub struct FmtArgs {
    /// Changes nothing; names the files that are not in canonical layout
    #[arg(long)]
    pub check: bool,
    /// Specs, directories that are searched for *.arch, or `-` for stdin
    #[arg(required = true, value_name = "FILE|DIR")]
    pub paths: Vec<PathBuf>,
}

/// `archc explain`.
#[derive(Args, Debug)]
#[command(after_help = "Exit status: 0 explained; 2 no such code.")]
pub struct ExplainArgs {
    /// The code, such as E0203
    #[arg(value_name = "CODE")]
    pub code: Option<String>,
}

/// `archc draft`.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit status: 0 written; 2 the notes could not be read or hold no protocol.",
    after_long_help = "Examples:\n  archc draft notes.txt > I02.arch\n  archc draft notes.txt --out specs\n  pbpaste | archc draft -\n\n\
                       Exit status: 0 written; 2 the notes could not be read or hold no protocol."
)]
pub struct DraftArgs {
    /// The notes, or `-` for stdin
    #[arg(value_name = "NOTES")]
    pub notes: PathBuf,
    /// Writes one file per archetype here (never over an existing one) instead of printing
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// `archc explore`.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit status: 0 ended by Ctrl-C; 2 the spec is wrong or the address cannot be served; 3 the spec is a sketch."
)]
pub struct ExploreArgs {
    /// The spec
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Where to serve
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:3000")]
    pub address: std::net::SocketAddr,
    /// Gives a constant of the spec another value
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = setting)]
    pub settings: Vec<(String, String)>,
    /// Takes the constants of this instance
    #[arg(long, value_name = "NAME")]
    pub instance: Option<String>,
}

/// `archc generate`.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit status: 0 written, or nothing to write; 2 the spec is wrong, cannot be generated (E0801), or a file \
                  cannot be written; 3 the spec is a sketch; 4 with --check, generated code is stale; or an owned file was \
                  changed by hand."
)]
pub struct GenerateArgs {
    /// The spec
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The folder of the crate
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Gives a constant of the spec another value
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = setting)]
    pub settings: Vec<(String, String)>,
    /// Takes the constants of this instance; numbers of instances count in the model, not in the service
    #[arg(long, value_name = "NAME")]
    pub instance: Option<String>,
    /// The length of a tick of the spec's clock
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "1s")]
    pub tick: Duration,
    /// The name of the package, in a crate that is new [default: that of the folder]
    #[arg(long, value_name = "NAME", value_parser = package)]
    pub name: Option<String>,
    /// By what the service can be asked; gRPC is beside HTTP, on the same port [default: as Cargo.toml has it, in a crate that is new http]
    #[arg(long, value_enum, value_delimiter = ',', value_name = "NAME")]
    pub transport: Vec<Transport>,
    /// Where the crate arch-runtime is, for a crate that is new; without it, a crate carries it along in vendor/arch-runtime
    #[arg(long, value_name = "DIR")]
    pub runtime_path: Option<PathBuf>,
    /// Writes nothing; exit status 4 and a diff where generated code is stale
    #[arg(long, conflicts_with_all = ["force", "dry_run"])]
    pub check: bool,
    /// Writes nothing; shows what would change in owned files
    #[arg(long, conflicts_with_all = ["force", "dry_run"])]
    pub diff: bool,
    /// Writes nothing; lists the files that would change
    #[arg(long)]
    pub dry_run: bool,
    /// Overwrites owned files that were changed by hand, and tests that are there already
    #[arg(long)]
    pub force: bool,
    /// Also writes a failing test for each behaviour of this report: of `archc check --format json` or `archc faults --format json`
    #[arg(long, value_name = "REPORT", conflicts_with_all = ["check", "diff"])]
    pub test_from: Option<PathBuf>,
    /// Of the report's behaviours only those whose test has this in its name
    #[arg(long, value_name = "NAME", requires = "test_from")]
    pub only: Option<String>,
}

/// By what a generated service can be asked.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Transport {
    /// HTTP and JSON, which every service has.
    Http,
    /// gRPC.
    Grpc,
}

/// `archc completions`.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  archc completions bash > ~/.local/share/bash-completion/completions/archc"
)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// When output is coloured.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What explores the states. All exhaustive engines agree on verdicts and counts.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Engine {
    /// Packed states, breadth first: interpreted, then, if it takes longer, by machine code
    #[default]
    Explorer,
    /// The same, interpreted throughout
    Interpreter,
    /// The same, by machine code from the start
    Jit,
    /// The slow interpreter that defines the meaning
    Oracle,
    /// stateright's breadth-first search
    StaterightBfs,
    /// stateright's depth-first search; counterexamples are not the shortest
    StaterightDfs,
    /// stateright's random simulation; never conclusive unless it finds a violation
    StaterightSimulation,
    /// Random behaviours of packed states, which `archc simulate` asks for
    #[value(skip)]
    Simulation(Runs),
}

/// The form of the report.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// One JSON document; docs/report.schema.json describes it
    Json,
    /// JUnit XML, one case per property
    Junit,
    /// SARIF 2.1, counterexamples as code flows
    Sarif,
    /// Workflow annotations of GitHub Actions
    Github,
}

/// The form of an audit.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum AuditFormat {
    /// For people
    #[default]
    Text,
    /// One JSON document; docs/audit.schema.json describes it
    Json,
}

/// The form of a matrix.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum MatrixFormat {
    /// For people
    #[default]
    Text,
    /// One JSON document; properties as in the report of a check
    Json,
}

fn setting(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() && !value.trim().is_empty() => {
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err("expected NAME=VALUE, such as N=5".to_owned()),
    }
}

/// A positive number, with `_` or `,` as separators if the user likes.
fn count(text: &str) -> Result<u64, String> {
    let digits: String = text.chars().filter(|c| !matches!(c, '_' | ',')).collect();
    match digits.parse() {
        Ok(0) => Err("must be at least 1".to_owned()),
        Ok(number) => Ok(number),
        Err(_) => Err("expected a whole number, such as 1000000".to_owned()),
    }
}

/// `512MiB`, `2G`, `800000k`: units are powers of 1024.
fn bytes(text: &str) -> Result<u64, String> {
    let (number, unit) = number_and_unit(text);
    let shift = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        _ => return Err("expected a size, such as 512MiB or 2G".to_owned()),
    };
    let number: u64 = number.parse().map_err(|_| "expected a size, such as 512MiB or 2G".to_owned())?;
    match number.checked_mul(1 << shift) {
        Some(0) => Err("must be at least one byte".to_owned()),
        Some(bytes) => Ok(bytes),
        None => Err("too large".to_owned()),
    }
}

fn threads(text: &str) -> Result<usize, String> {
    match text.parse() {
        // More have nothing to do, and each costs its stack.
        Ok(n @ 1..=1024) => Ok(n),
        Ok(0) => Err("must be at least 1".to_owned()),
        _ => Err("expected a number of threads from 1 to 1024".to_owned()),
    }
}

/// `30s`, `500ms`, `5m`, `1h`; a bare number counts seconds.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "expected a time, such as 30s, 5m or 1h".to_owned();
    let (number, unit) = number_and_unit(text);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let millis = match unit {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        _ => return Err(wrong()),
    };
    match number.checked_mul(millis) {
        // Far enough away that a deadline can still be added to any instant.
        Some(millis) if millis <= 1000 * 60 * 60 * 24 * 3650 => Ok(Duration::from_millis(millis)),
        _ => Err("too long".to_owned()),
    }
}

fn number_and_unit(text: &str) -> (&str, &str) {
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    (&text[..split], text[split..].trim())
}

fn package(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    if text.starts_with(|c: char| c.is_ascii_lowercase()) && text.chars().all(plain) {
        Ok(text.to_owned())
    } else {
        Err("a package has lower-case letters, digits, `-` and `_`, and begins with a letter".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn sizes_have_binary_units() {
        assert_eq!(bytes("512MiB"), Ok(512 << 20));
        assert_eq!(bytes("2G"), Ok(2 << 30));
        assert_eq!(bytes("17"), Ok(17));
        assert!(bytes("2 parsecs").is_err());
        assert!(bytes("99999999999T").is_err());
        assert!(bytes("0").is_err());
    }

    #[test]
    fn times_have_units() {
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("5m"), Ok(Duration::from_secs(300)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert!(duration("soon").is_err());
        assert!(duration("18446744073709551615h").is_err());
    }

    #[test]
    fn settings_have_a_name_and_a_value() {
        assert_eq!(setting("N=5"), Ok(("N".into(), "5".into())));
        assert!(setting("N").is_err());
        assert!(setting("=5").is_err());
        assert!(setting("N=").is_err());
    }

    #[test]
    fn counts_allow_separators() {
        assert_eq!(count("1_000_000"), Ok(1_000_000));
        assert!(count("0").is_err());
        assert!(count("-1").is_err());
    }
}
