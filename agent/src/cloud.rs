//! AWS as this instance sees it: who it is, asked once, and how to reach the services from here.

use async_trait::async_trait;
use aws_config::SdkConfig;
use std::rc::Rc;
use tokio::sync::OnceCell;
use vivarium_bootstrap::step::StepError;

use crate::aws::{self, AwsSettings};
use crate::config::Database;
use crate::database::Logins;
use crate::deliver::{Destination, Node};
use crate::imds::{self, Imds, ImdsError, Instance, Patience};
use crate::secret::Login;
use crate::secrets;

/// The instance and its services.
pub struct Cloud {
    settings: AwsSettings,
    patience: Patience,
    instance: OnceCell<Instance>,
}

impl Cloud {
    /// Reached as the settings say; the metadata service is waited for as long as `patience` has it.
    pub fn new(settings: AwsSettings, patience: Patience) -> Self {
        Self { settings, patience, instance: OnceCell::new() }
    }

    /// Who this instance is.
    pub async fn instance(&self) -> Result<&Instance, ImdsError> {
        let ask = async || Imds::new(imds::ENDPOINT, self.patience).instance().await;
        self.instance.get_or_try_init(ask).await
    }

    /// The settings' region, or the instance's own.
    pub async fn region(&self) -> Option<String> {
        match &self.settings.region {
            Some(region) => Some(region.clone()),
            None => self.instance().await.ok().map(|instance| instance.region.clone()),
        }
    }

    /// The configuration of every client.
    pub async fn sdk_config(&self) -> SdkConfig {
        aws::sdk_config(&AwsSettings { region: self.region().await, ..self.settings.clone() }).await
    }

    /// Where reports go from here.
    pub async fn destination(&self) -> Destination {
        match self.instance().await {
            Err(error) => {
                Destination::Nowhere { why: error.to_string(), hint: error.diagnosis.hint().to_owned() }
            }
            Ok(instance) => Destination::SystemsManager(Node {
                client: aws_sdk_ssm::Client::new(&self.sdk_config().await),
                instance: instance.id.clone(),
                region: instance.region.clone(),
                account: instance.account.clone(),
            }),
        }
    }
}

/// The login that the settings' reference leads to.
pub struct SecretLogins {
    /// Where the secrets are kept.
    pub cloud: Rc<Cloud>,
    /// The database, and the reference.
    pub database: Database,
}

#[async_trait(?Send)]
impl Logins for SecretLogins {
    async fn login(&self) -> Result<Login, StepError> {
        let Database { settings, secret } = &self.database;
        let database =
            secrets::Database { host: &settings.host, port: settings.port, user: settings.user.as_deref() };
        secrets::login(secret, database, &self.cloud.sdk_config().await).await
    }
}
