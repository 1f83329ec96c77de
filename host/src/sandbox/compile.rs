//! Compiling a stranger's component, in a process of its own that is limited and knows nothing worth having.

#![allow(unsafe_code, reason = "the one place that loads compiled code; see `load`")]

use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, Signal, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;
use wasmtime::Engine;
use wasmtime::component::Component;

use super::Error;
use super::engine::config;

/// CPU time of one compilation. Source of this and the next two: the limits table of the trust model.
const CPU_SECONDS_MAX: u64 = 60;
/// Memory of one compilation.
const MEMORY_BYTES_MAX: u64 = 3 << 29;
/// Compiled code of one component.
const CODE_BYTES_MAX: usize = 128 << 20;
/// Wall-clock time of one compilation: twice the CPU time, for a busy machine.
const WALL: Duration = Duration::from_secs(2 * CPU_SECONDS_MAX);

/// Whose turn it is to compile in a child.
static TURN: Semaphore = Semaphore::const_new(1);

/// Where components are compiled.
#[derive(Clone, Debug, Default)]
pub enum Compiler {
    /// In a child process of this `gd-host` binary, with limits on CPU time and memory and an empty environment.
    Child(PathBuf),
    /// In this process: a hostile component can take all of its memory. For hosts whose components are their own, and for tests.
    #[default]
    InProcess,
}

impl Compiler {
    /// A child of the binary that runs now, which must be `gd-host`: of its very file, also after an upgrade has replaced it.
    pub fn this_binary() -> Self {
        let running = PathBuf::from("/proc/self/exe");
        if running.exists() {
            Self::Child(running)
        } else {
            std::env::current_exe().map_or(Self::InProcess, Self::Child)
        }
    }

    /// Compiles a component that was inspected before.
    pub(super) async fn compile(&self, engine: &Engine, bytes: Vec<u8>) -> Result<Component, Error> {
        let refused = |error: wasmtime::Error| Error::DoesNotCompile(format!("{error:#}"));
        let code = match self {
            Self::Child(binary) => in_child(binary, bytes).await?,
            Self::InProcess => {
                let engine = engine.clone();
                let compiling = tokio::task::spawn_blocking(move || engine.precompile_component(&bytes));
                compiling.await.map_err(|error| Error::DoesNotCompile(error.to_string()))?.map_err(refused)?
            }
        };
        load(engine, &code)
    }
}

fn load(engine: &Engine, code: &[u8]) -> Result<Component, Error> {
    // SAFETY: `code` was written by wasmtime's own compiler a moment ago, in this process or in a child that runs this
    // binary, and came here over a pipe that nobody else holds. It was never in a file or a database.
    unsafe { Component::deserialize(engine, code) }.map_err(|error| Error::DoesNotCompile(format!("{error:#}")))
}

async fn in_child(binary: &PathBuf, bytes: Vec<u8>) -> Result<Vec<u8>, Error> {
    // One at a time: each may take a gigabyte.
    let _turn = TURN.acquire().await.map_err(std::io::Error::other).map_err(Error::Compiler)?;
    let mut child = Command::new(binary)
        .arg("compile-component")
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(Error::Compiler)?;
    match tokio::time::timeout(WALL, converse(&mut child, bytes)).await {
        Err(_) => Err(Error::CompileTimeout { seconds: WALL.as_secs() }),
        Ok(Err(error)) => Err(Error::Compiler(error)),
        Ok(Ok((_, code, _))) if code.len() > CODE_BYTES_MAX => {
            Err(Error::TooComplex { what: "bytes of compiled code", count: code.len(), max: CODE_BYTES_MAX })
        }
        Ok(Ok((status, code, _))) if status.success() => Ok(code),
        Ok(Ok((status, _, message))) => Err(failure(status, &message)),
    }
}

/// Hands the component over and takes what comes back, all at once so that no pipe fills up.
async fn converse(child: &mut Child, bytes: Vec<u8>) -> std::io::Result<(ExitStatus, Vec<u8>, String)> {
    let (Some(mut input), Some(output), Some(errors)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(std::io::Error::other("the compiler's process has no pipes"));
    };
    let mut code = Vec::new();
    let writing = async move {
        // A child that gives up before it has read everything says why on its own.
        input.write_all(&bytes).await.ok();
    };
    let complaining = async move {
        let (mut message, mut kept) = (Vec::new(), errors.take(8 << 10));
        kept.read_to_end(&mut message).await?;
        // Read to the end, or a child with more to say would wait for ever.
        tokio::io::copy(&mut kept.into_inner(), &mut tokio::io::sink()).await?;
        Ok::<_, std::io::Error>(String::from_utf8_lossy(&message).into_owned())
    };
    let mut output = output.take(CODE_BYTES_MAX as u64 + 1);
    let taking = async {
        output.read_to_end(&mut code).await?;
        if code.len() > CODE_BYTES_MAX { child.kill().await } else { Ok(()) }
    };
    let ((), taken, message) = tokio::join!(writing, taking, complaining);
    taken?;
    Ok((child.wait().await?, code, message?))
}

fn failure(status: ExitStatus, message: &str) -> Error {
    match status.signal() {
        None => Error::DoesNotCompile(message.trim().to_owned()),
        Some(signal) if signal == Signal::XCPU.as_raw() || signal == Signal::KILL.as_raw() => {
            Error::CompileTimeout { seconds: CPU_SECONDS_MAX }
        }
        Some(_) => Error::CompileMemory { bytes: MEMORY_BYTES_MAX },
    }
}

/// The child's side: limits itself, reads a component from standard input, writes its code to standard output.
///
/// # Errors
/// Why the component does not compile.
pub fn compile_stdin() -> anyhow::Result<()> {
    use std::io::{Read, Write};
    let limit = |max| Rlimit { current: Some(max), maximum: Some(max) };
    setrlimit(Resource::Cpu, limit(CPU_SECONDS_MAX))?;
    setrlimit(Resource::As, limit(MEMORY_BYTES_MAX))?;
    let mut bytes = Vec::new();
    std::io::stdin().take(super::COMPONENT_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    let compiled = Engine::new(&config()).and_then(|engine| engine.precompile_component(&bytes));
    let code = compiled.map_err(|error| anyhow::anyhow!("{error:#}"))?;
    std::io::stdout().write_all(&code)?;
    Ok(())
}
