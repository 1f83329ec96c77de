//! What the command line accepts: the verbs, the global options and their documentation.

mod bench;
mod client;
mod host;
mod limit;
mod operate;
mod value;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use bench::{BenchArgs, Trouble, Workload};
pub use client::{
    DeployArgs, GetArgs, History, HistoryArgs, ListArgs, SignalArgs, StartArgs, Status, Until, VersionsArgs, WaitArgs,
};
pub(crate) use host::kept;
pub use host::{CompletionsArgs, DevArgs, DoctorArgs, InspectArgs, Kept, Language, MigrateArgs, NewArgs, ServeArgs};
pub use limit::{LimitCommand, LimitKind, LimitRemoveArgs, LimitSetArgs};
pub use operate::{CancelArgs, HoldArgs, LogsArgs, TreeArgs, WhyArgs};
pub use value::{HostPort, KeyScope, Target};

const DEFAULT_URL: &str = "http://127.0.0.1:7070";

/// A durable workflow host whose steps are sandboxed WebAssembly components.
///
/// Exit codes: 0 ok, 1 failed, 2 wrong usage, 3 not found, 4 refused (quota, conflict, authorization), 5 unreachable.
#[derive(Parser)]
#[command(name = "gd-host", version, max_term_width = 110)]
pub struct Cli {
    /// Options that every verb takes.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// The verb.
    #[command(subcommand)]
    pub command: Command,
}

/// Options that every verb takes. Not `Debug`: it holds the token.
#[derive(Args)]
pub struct GlobalArgs {
    /// Address of the gd-host to talk to: http or https, with a path prefix if it has one
    #[arg(long, global = true, value_name = "URL", env = "GD_URL", default_value = DEFAULT_URL)]
    #[arg(help_heading = "Global options")]
    pub url: String,
    /// Bearer token for the API; without one the requests carry none, which `gd-host dev` accepts
    #[arg(long, global = true, value_name = "TOKEN", env = "GD_TOKEN", hide_env_values = true)]
    #[arg(help_heading = "Global options")]
    pub token: Option<String>,
    /// How to print the answer; json is exactly the API's document, yaml the same as YAML
    #[arg(long, short, global = true, value_name = "FORMAT", value_enum, default_value_t = Format::Table)]
    #[arg(help_heading = "Global options")]
    pub output: Format,
}

/// How an answer is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people: aligned columns, no colours.
    Table,
    /// One JSON document, as the API sent it.
    Json,
    /// The same document as YAML.
    Yaml,
}

/// A verb: those that this binary carries out itself, and those that talk to the API.
#[derive(Subcommand)]
pub enum Command {
    /// Run everything on this machine: a private Postgres, the host, no token
    Dev(DevArgs),
    /// Run the host against a Postgres database
    Serve(ServeArgs),
    /// Bring the schema of a database up to this version, then exit
    Migrate(MigrateArgs),
    /// Look whether database, machine and host are fit to work, and say what to do; exit code 1 when something is not
    Doctor(DoctorArgs),
    /// Compile a component from standard input: the limited child of a host that deploys
    #[command(hide = true)]
    CompileComponent,
    /// Make a crate for a new FSM, with everything that it needs to build
    New(NewArgs),
    /// Show what a component says about itself and what it imports, without a server
    Inspect(InspectArgs),
    /// Measure what this host makes of a workload, beside pgbench, on a private Postgres
    Bench(BenchArgs),
    /// A verb of the API, for [`super::run`].
    #[command(flatten)]
    Client(ClientCommand),
}

/// A verb that talks to a running gd-host.
#[derive(Subcommand)]
pub enum ClientCommand {
    /// Deploy a component as the next version of its FSM
    Deploy(DeployArgs),
    /// Show the versions of an FSM, or all FSMs
    Versions(VersionsArgs),
    /// Start an instance of an FSM
    Start(StartArgs),
    /// List instances
    List(ListArgs),
    /// Show one instance
    Get(GetArgs),
    /// Show the attempts of an instance, oldest first
    History(HistoryArgs),
    /// Show what the attempts of an instance logged, oldest first
    Logs(LogsArgs),
    /// Show an instance with its children, and theirs
    Tree(TreeArgs),
    /// Say in words what keeps an instance from running
    Why(WhyArgs),
    /// Send a signal to an instance
    Signal(SignalArgs),
    /// Wait until an instance has settled; exit code 1 when it ended failed or cancelled, or is still busy
    Wait(WaitArgs),
    /// End an instance at once, whatever it does
    Cancel(CancelArgs),
    /// Hold an instance: it is not run until it is resumed; a step that runs now still commits
    Pause(HoldArgs),
    /// Let a held instance go on
    Resume(HoldArgs),
    /// Show, set or remove rate limits and concurrency limits
    #[command(subcommand)]
    Limit(LimitCommand),
    /// Show the hosts that work on the database
    Nodes,
    /// Print a script that teaches a shell the verbs and options
    Completions(CompletionsArgs),
    /// Print the version of this binary
    Version,
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::CommandFactory;
    use clap::error::ErrorKind;

    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split_whitespace())
    }

    fn refused(line: &str, kind: ErrorKind) -> String {
        let error = parse(line).err().unwrap_or_else(|| panic!("accepted: {line}"));
        assert_eq!(error.kind(), kind, "{line}: {error}");
        assert_eq!(error.exit_code(), 2, "{line}");
        error.to_string()
    }

    #[test]
    fn the_definition_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn start_takes_all_its_options() {
        let cli = parse(
            "gd-host start billing --state {\"a\":1} --key INV-1 --step charge --queue q --priority -5 --in 5m \
             --version 2 --wait --timeout 2s -o json --url http://h/x",
        );
        let Cli { global, command } = cli.ok().unwrap();
        let Command::Client(ClientCommand::Start(args)) = command else { panic!("another verb") };
        assert_eq!((&*global.url, global.output), ("http://h/x", Format::Json));
        assert_eq!(
            (args.fsm.as_deref(), args.state.as_deref(), args.key.as_deref()),
            (Some("billing"), Some("{\"a\":1}"), Some("INV-1"))
        );
        assert_eq!((args.priority, args.version), (Some(-5), Some(2)));
        assert_eq!(args.delay, Some(Duration::from_secs(300)));
        assert!(args.wait);
        assert_eq!(args.timeout, Duration::from_secs(2));
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        refused("gd-host start b --in 5m --at 2030-01-01T00:00:00Z", ErrorKind::ArgumentConflict);
        refused("gd-host start b --timeout 5s", ErrorKind::MissingRequiredArgument);
        refused("gd-host start", ErrorKind::MissingRequiredArgument);
        refused("gd-host start b --batch f", ErrorKind::ArgumentConflict);
        refused("gd-host start --batch f --key k", ErrorKind::ArgumentConflict);
        refused("gd-host start b --weight 2", ErrorKind::MissingRequiredArgument);
        refused("gd-host start b --scope none", ErrorKind::MissingRequiredArgument);
        refused("gd-host serve --concurrency 4 --no-such", ErrorKind::UnknownArgument);
    }

    #[test]
    fn a_wrong_value_says_what_is_right() {
        let check = |line: &str, part: &str| {
            let message = refused(line, ErrorKind::ValueValidation);
            assert!(message.contains(part), "{line}: {message}");
        };
        check("gd-host start b --in 5", "5m");
        check("gd-host start b --at tomorrow", "RFC 3339");
        check("gd-host start b --priority 40000", "40000");
        check("gd-host list --limit 1001", "1..=1000");
        check("gd-host wait 42 --timeout soon", "30s");
        check("gd-host dev --allow-egress https://api.example", "HOST:PORT");
        check("gd-host dev --listen here", "127.0.0.1:7070");
        check("gd-host serve --concurrency 0", "1..");
        check("gd-host serve --min-demand 0", "1..");
        check("gd-host serve --prefetch=-1", "-1");
        check("gd-host serve --queues mail:0", "at least 1");
        check("gd-host serve --queues some", "NAME:STEPS");
        check("gd-host signal key: paid", "key");
        refused("gd-host list --status busy", ErrorKind::InvalidValue);
    }

    #[test]
    fn serve_leaves_what_was_not_given_to_the_configuration() {
        let cli = parse("gd-host serve --allow-egress h:1 --allow-egress [::1]:2 --drain-timeout 9s");
        let Command::Serve(args) = cli.ok().unwrap().command else { panic!("another verb") };
        assert_eq!(args.allow_egress.iter().map(ToString::to_string).collect::<Vec<_>>(), ["h:1", "[::1]:2"]);
        assert_eq!((args.drain_timeout, args.concurrency), (Some(Duration::from_secs(9)), None));
    }

    #[test]
    fn bench_measures_what_is_published_unless_told_otherwise() {
        let bench = |line: &str| match parse(line).ok().unwrap().command {
            Command::Bench(args) => args,
            _ => panic!("another verb"),
        };
        let args = bench("gd-host bench W1");
        assert_eq!((args.workload, args.instances, args.state_bytes, args.rounds), (Workload::W1, None, 1024, None));
        assert!(!args.no_pgbench && !args.json);
        let args = bench("gd-host bench w2 --instances 50 --state-bytes 200 --rounds 1 --no-pgbench --json");
        assert_eq!(
            (args.workload, args.instances, args.state_bytes, args.rounds),
            (Workload::W2, Some(50), 200, Some(1))
        );
        assert!(args.no_pgbench && args.json);
        refused("gd-host bench", ErrorKind::MissingRequiredArgument);
        refused("gd-host bench W0", ErrorKind::InvalidValue);
        refused("gd-host bench W1 --state-bytes 100", ErrorKind::ValueValidation);
    }

    #[test]
    fn dev_has_defaults_for_everything() {
        let Command::Dev(args) = parse("gd-host dev").ok().unwrap().command else { panic!("another verb") };
        assert_eq!(args.dir.to_str(), Some(".gd"));
        assert_eq!(args.listen.to_string(), "127.0.0.1:7070");
        assert!(args.allow_egress.is_empty());
    }
}
