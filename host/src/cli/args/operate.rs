//! Options of the verbs that look into one instance and steer it.

use clap::Args;
use clap::builder::NonEmptyStringValueParser as NonEmpty;

/// Options of `why`.
#[derive(Debug, Args)]
pub struct WhyArgs {
    /// The instance's id
    #[arg(value_name = "ID", value_parser = NonEmpty::new())]
    pub id: String,
}

/// Options of `tree`.
#[derive(Debug, Args)]
pub struct TreeArgs {
    /// The instance's id
    #[arg(value_name = "ID", value_parser = NonEmpty::new())]
    pub id: String,
    /// Generations below the instance, 1 to 100
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub depth: u32,
    /// Instances in all, 1 to 10000
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub limit: u32,
}

/// Options of `logs`.
#[derive(Debug, Args)]
pub struct LogsArgs {
    /// The instance's id
    #[arg(value_name = "ID", value_parser = NonEmpty::new())]
    pub id: String,
    /// Go on with what is logged from now on, until the instance has ended; json and yaml then print one document per attempt
    #[arg(long, short)]
    pub follow: bool,
    /// Attempts per page, 1 to 1000
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub limit: u32,
    /// Where to go on: the cursor that the page before ended with. Default: the first page
    #[arg(long, value_name = "CURSOR", value_parser = NonEmpty::new())]
    pub cursor: Option<String>,
}

/// Options of `cancel`.
#[derive(Debug, Args)]
pub struct CancelArgs {
    /// The instance's id
    #[arg(value_name = "ID", value_parser = NonEmpty::new())]
    pub id: String,
    /// Why, for whoever looks at the instance later. Default: none
    #[arg(long, value_name = "TEXT", value_parser = NonEmpty::new())]
    pub reason: Option<String>,
    /// End everything live that it has started as children too, and their children
    #[arg(long)]
    pub children: bool,
}

/// Options of `pause` and `resume`.
#[derive(Debug, Args)]
pub struct HoldArgs {
    /// The instance's id
    #[arg(value_name = "ID", value_parser = NonEmpty::new())]
    pub id: String,
}
