//! `doctor`: looks at database, machine and host in order, and says of each whether it will do.

mod api;
mod check;
mod database;
mod machine;
mod work;

use std::process::ExitCode;

use gd_dev_postgres::Cluster;

use self::check::{Check, Report};
use super::args::{DoctorArgs, GlobalArgs};
use super::error::{Error, Exit};
use super::output::Output;
use crate::store::Examined;

/// The database of `gd-host dev` in its private Postgres.
const DEV_DATABASE: &str = "gd";

/// Makes every check and prints a line for each; exit code 1 when one of them fails.
pub async fn doctor(global: &GlobalArgs, args: DoctorArgs) -> ExitCode {
    let output = Output::standard(global.output);
    match examine(global, args, &output).await {
        Ok(exit) => exit.into(),
        Err(error) => {
            output.error(&error);
            error.exit().into()
        }
    }
}

async fn examine(global: &GlobalArgs, args: DoctorArgs, output: &Output) -> Result<Exit, Error> {
    let mut report = Report::new(output);
    match database_url(args).await {
        Some(url) => look_at_database(&url, &mut report).await?,
        None => report.add(Check::warn(
            "database",
            "not looked at, since none was named",
            "name one with --database-url or GD_DATABASE_URL; `gd-host dev` brings its own",
        ))?,
    }
    report.add(machine::wasmtime().await)?;
    report.add(api::answers(&global.url, global.token.as_deref()).await)?;
    report.finish()
}

async fn look_at_database(url: &str, report: &mut Report<'_>) -> Result<(), Error> {
    let mut examined = match Examined::connect(url).await {
        Ok(examined) => examined,
        Err(error) => return report.add(Check::fail("database", error.to_string(), "")),
    };
    report.add(Check::ok("database", format!("{} answers", examined.address)))?;
    database::server(&mut examined, report).await?;
    if database::schema(&mut examined, report).await? {
        work::work(&mut examined, report).await?;
    }
    Ok(())
}

/// The database that was named, or that of `gd-host dev` while it runs.
async fn database_url(args: DoctorArgs) -> Option<String> {
    match args.database_url {
        Some(url) => Some(url),
        None => {
            let running = tokio::task::spawn_blocking(move || Cluster::running(&args.dir)).await;
            running.ok()?.ok()?.map(|cluster| cluster.url(DEV_DATABASE))
        }
    }
}
