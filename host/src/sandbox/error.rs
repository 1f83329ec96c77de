//! Why a component is not taken, or the sandbox not set up.

use gd_core::DescriptorError;

/// What can go wrong before a guest ever runs.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The bytes are no WebAssembly, or broken.
    #[error("this is not a WebAssembly component: {0}")]
    NotAComponent(String),
    /// A core module: the linker's component step is missing.
    #[error("this is a core WebAssembly module, not a component")]
    CoreModule,
    /// A component that does not export the step interface.
    #[error("this component is of another world: it exports {exports:?} and not gd:fsm/step@0.1")]
    OtherWorld {
        /// What it exports instead.
        exports: Vec<String>,
    },
    /// It needs something that no guest is given.
    #[error("the component imports {import}, which this host does not provide")]
    ForeignImport {
        /// The interface.
        import: String,
    },
    /// It wants outgoing HTTP, and this host allows none.
    #[error("the component imports wasi:http, and this host allows no outgoing requests")]
    EgressNotGranted,
    /// Over the size limit.
    #[error("the component is {bytes} bytes, the limit is {max}")]
    ComponentTooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// Within the size limit, but made to be expensive.
    #[error("the component has {count} {what}, the limit is {max}")]
    TooComplex {
        /// What there is too much of.
        what: &'static str,
        /// How much.
        count: usize,
        /// The limit.
        max: usize,
    },
    /// Valid, but the compiler refuses it.
    #[error("the component does not compile: {0}")]
    DoesNotCompile(String),
    /// The compiler was stopped at its limit of time.
    #[error("the component takes longer than {seconds} s to compile")]
    CompileTimeout {
        /// The limit.
        seconds: u64,
    },
    /// The compiler was stopped at its limit of memory.
    #[error("the component takes more than {bytes} bytes of memory to compile")]
    CompileMemory {
        /// The limit.
        bytes: u64,
    },
    /// The compiler's process cannot be run.
    #[error("the compiler cannot be run: {0}")]
    Compiler(#[source] std::io::Error),
    /// Its imports or exports have the right names and the wrong types.
    #[error("the component does not fit the contract: {0}")]
    DoesNotLink(String),
    /// It did not say what it is.
    #[error("the component's describe() failed: {0}")]
    DescribeFailed(String),
    /// What it said contradicts itself.
    #[error("the component's descriptor is wrong: {0}")]
    Descriptor(#[source] DescriptorError),
    /// It speaks of something newer than this host.
    #[error("the component's descriptor has the extra key {0:?}, which this host does not know")]
    UnknownExtra(String),
    /// The engine cannot be set up on this machine.
    #[error("the WebAssembly engine cannot be set up: {0:#}")]
    Engine(wasmtime::Error),
    /// No thread to be had for the epochs.
    #[error("the thread that interrupts guests cannot be started: {0}")]
    Thread(#[source] std::io::Error),
}

impl Error {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAComponent(_) | Self::CoreModule | Self::OtherWorld { .. } => "invalid-component",
            Self::DoesNotCompile(_) | Self::DoesNotLink(_) | Self::TooComplex { .. } => "invalid-component",
            Self::ForeignImport { .. } => "foreign-import",
            Self::EgressNotGranted => "egress-not-granted",
            Self::ComponentTooLarge { .. } => "component-too-large",
            Self::DescribeFailed(_) | Self::Descriptor(_) | Self::UnknownExtra(_) => "invalid-descriptor",
            Self::CompileTimeout { .. } => "compile-timeout",
            Self::CompileMemory { .. } => "compile-memory",
            Self::Engine(_) | Self::Thread(_) | Self::Compiler(_) => "internal",
        }
    }

    /// What to do next, for the person who reads it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotAComponent(_) => {
                Some("build the guest with `cargo build --target wasm32-wasip2` and deploy the .wasm file")
            }
            Self::CoreModule => Some("build the guest for wasm32-wasip2, whose linker makes a component"),
            Self::OtherWorld { .. } => Some("write the guest with gd-guest, or export interface gd:fsm/step of wit/"),
            Self::ForeignImport { .. } => Some("remove what needs it; `gd-host inspect FILE.wasm` lists all imports"),
            Self::EgressNotGranted => Some("start the host with --allow-egress HOST:PORT for what the guest calls"),
            Self::Descriptor(_) | Self::UnknownExtra(_) | Self::DescribeFailed(_) => {
                Some("the SDK writes a descriptor that holds; without it, mend describe()")
            }
            Self::ComponentTooLarge { .. } | Self::TooComplex { .. } => {
                Some("build it with the guest profile: lto and strip")
            }
            Self::CompileTimeout { .. } | Self::CompileMemory { .. } => {
                Some("its functions are too large or too many: build it with the guest profile")
            }
            Self::DoesNotCompile(_) | Self::DoesNotLink(_) | Self::Engine(_) | Self::Thread(_) | Self::Compiler(_) => {
                None
            }
        }
    }
}
