//! The README tells the truth: its commands are run as they stand, and print what stands there.

use gd_tests::{HostProcess, PaymentProvider, repository};

use crate::transcript::{Piece, Shown, fixed, pieces, shell};

/// Where the README's payment provider listens.
const PROVIDER: &str = "127.0.0.1:8099";
#[tokio::test]
async fn what_the_readme_shows_is_what_happens() {
    let readme = std::fs::read_to_string(repository().join("README.md")).expect("there is a README");
    let pieces = pieces(&readme, "tests/it/readme.rs");
    assert!(pieces.len() >= 8, "only {} commands were found in the README", pieces.len());
    let provider = PaymentProvider::start("readme").await;
    let mut host = HostProcess::dev("readme", &["--allow-egress", provider.address()]).await;
    for piece in pieces {
        let Piece::Run(Shown { command, printed }) = piece else { panic!("{piece:?}") };
        let command = command.replace(PROVIDER, provider.address());
        let output = shell(&command, host.url()).await;
        let found = String::from_utf8_lossy(&output.stdout).replace(provider.address(), PROVIDER);
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command}: {complaint}");
        assert_eq!(fixed(&found), fixed(&printed), "{command}: {complaint}");
    }
    assert!(host.terminate().await.success(), "dev stops by itself: {}", host.log());
}
