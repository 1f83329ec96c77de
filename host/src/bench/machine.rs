//! The machines that are run.

use super::{Error, state};
use crate::cli::{BenchArgs, Workload};

/// The machine that every host of this contract must run for ever: built once of `examples/order`, never built again.
const ORDER: &[u8] = include_bytes!("../../../wit/golden/fsm-0.1.0.wasm");
/// `examples/load`. After a change there it is built again by `cargo build --profile guest --target wasm32-wasip2 -p load`, with
/// `--remap-path-prefix` in `RUSTFLAGS` for the folders of the registry and of the repository, so that no path of a machine is in it.
const LOAD: &[u8] = include_bytes!("load.wasm");

/// A machine, and what instances of it a workload runs.
#[derive(Clone)]
pub(super) struct Machine {
    /// Its name.
    pub(super) fsm: &'static str,
    /// Its component.
    pub(super) component: Vec<u8>,
    /// The step that an instance starts with.
    pub(super) step: &'static str,
    /// Steps that an instance runs.
    pub(super) steps: u32,
    /// The state that it starts with, JSON.
    pub(super) state: String,
}

impl Machine {
    /// Orders, each of four `next` and a `done`, of the component that was asked for.
    pub(super) fn order(args: &BenchArgs) -> Result<Self, Error> {
        let component = match &args.component {
            Some(file) => std::fs::read(file).map_err(Error::system(format!("read {}", file.display())))?,
            None => ORDER.to_vec(),
        };
        Ok(Self { fsm: "order", component, step: "receive", steps: 5, state: state::order(args.state_bytes as usize) })
    }

    /// Loads that start at one of their steps.
    pub(super) fn load(step: &'static str, steps: u32, state: String) -> Self {
        Self { fsm: "load", component: LOAD.to_vec(), step, steps, state }
    }

    /// Jobs of one step that does nothing.
    pub(super) fn idle(args: &BenchArgs) -> Self {
        Self::load("idle", 1, state::ballast(args.state_bytes as usize))
    }

    /// Bytes of the component that the workload is about.
    pub(super) fn component_bytes(args: &BenchArgs) -> Result<usize, Error> {
        Ok(match args.workload {
            Workload::W1 | Workload::W2 | Workload::W5 | Workload::W7 | Workload::W8 | Workload::W9 => {
                Self::order(args)?.component.len()
            }
            Workload::W1b | Workload::W3 | Workload::W4 | Workload::W6 => LOAD.len(),
        })
    }
}
