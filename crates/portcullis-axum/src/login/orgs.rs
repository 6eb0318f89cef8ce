//! What the routes do for organisations and who is in them.

use axum::{
    extract::Path,
    response::{IntoResponse, Response},
};
use portcullis_core::Timestamp;
use portcullis_error::{Cause, ErrorCode};
use portcullis_gate::Permit;
use portcullis_login::{Email, Login, Member, Membership, OrgError, Role};
use portcullis_registry::{Owner, User};
use portcullis_scope::Requirement;
use serde::{Deserialize, Deserializer, Serialize, de::Error};

use crate::{
    ApiError, Created, Data, JsonBody, Permitted,
    body::nothing,
    extract::{AnyPath, Refused},
};

/// The handlers, with what they need.
#[derive(Clone, Debug)]
pub(super) struct Orgs {
    login: Login,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct ActiveBody {
    organization_id: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewMemberBody {
    email: String,
    #[serde(deserialize_with = "role")]
    role: Role,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RoleBody {
    #[serde(deserialize_with = "role")]
    role: Role,
}

fn role<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Role, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(D::Error::custom)
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct OrgsBody<'a> {
    organizations: Vec<OrgBody<'a>>,
    active_org_id: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct OrgBody<'a> {
    id: &'a str,
    name: &'a str,
    slug: &'a str,
    created_at: Timestamp,
    role: &'static str,
}

#[derive(Debug, Serialize)]
struct MemberBody<'a> {
    id: &'a str,
    email: &'a str,
    name: &'a str,
    role: &'static str,
}

impl Orgs {
    pub(super) const fn of(login: Login) -> Self {
        Self { login }
    }

    pub(super) async fn list(&self, Permitted(permit): Permitted) -> Result<Response, Refused> {
        let orgs = self.login.orgs(&permit).await;
        let orgs = orgs.map_err(|error| self.refused(&permit, error))?;
        Ok(shown(&orgs, permit.owner()))
    }

    pub(super) async fn switch(
        &self,
        Permitted(permit): Permitted,
        JsonBody(body): JsonBody<ActiveBody>,
    ) -> Result<Response, Refused> {
        let refused = |error| self.refused(&permit, error);
        // What is no name is the name of none.
        let org = body.organization_id.parse::<Owner>();
        let org = org.map_err(|_| refused(OrgError::NotFound))?;
        let switched = self.login.switch_org(&permit, &org, permit.ip()).await;
        switched.map_err(refused)?;
        let orgs = self.login.orgs(&permit).await.map_err(refused)?;
        Ok(shown(&orgs, &org))
    }

    pub(super) async fn members(&self, Permitted(permit): Permitted) -> Result<Response, Refused> {
        let members = self.login.members(&permit).await;
        let members = members.map_err(|error| self.refused(&permit, error))?;
        let members: Vec<_> = members.iter().map(MemberBody::of).collect();
        Ok(Data(members).into_response())
    }

    pub(super) async fn add(
        &self,
        Permitted(permit): Permitted,
        JsonBody(body): JsonBody<NewMemberBody>,
    ) -> Result<Response, Refused> {
        let email: Email = body.email.parse().map_err(|_| {
            ApiError::invalid_request("`email` is an address such as `ada@example.com`")
        })?;
        let added = self
            .login
            .add_member(&permit, &email, body.role, permit.ip());
        let added = added.await.map_err(|error| self.refused(&permit, error))?;
        Ok(Created(MemberBody::of(&added)).into_response())
    }

    pub(super) async fn change(
        &self,
        Permitted(permit): Permitted,
        id: AnyPath,
        JsonBody(body): JsonBody<RoleBody>,
    ) -> Result<Response, Refused> {
        let refused = |error| self.refused(&permit, error);
        let user = user(id).map_err(refused)?;
        let changed = self
            .login
            .change_member(&permit, &user, body.role, permit.ip());
        let changed = changed.await.map_err(refused)?;
        Ok(Data(MemberBody::of(&changed)).into_response())
    }

    pub(super) async fn remove(
        &self,
        Permitted(permit): Permitted,
        id: AnyPath,
    ) -> Result<Response, Refused> {
        let refused = |error| self.refused(&permit, error);
        let user = user(id).map_err(refused)?;
        let removed = self.login.remove_member(&permit, &user, permit.ip()).await;
        removed.map_err(refused)?;
        Ok(nothing())
    }

    fn refused(&self, permit: &Permit, error: OrgError) -> Refused {
        match error {
            OrgError::SessionRequired => Cause::SessionRequired.into(),
            OrgError::Insufficient { missing } if !missing.is_empty() => {
                // As the gate would, so that it is found among the denials.
                let admin = self.login.roles().scopes(Role::Admin);
                let admin = self.login.registry().catalogue().names(&admin);
                match permit.require(Requirement::all_of(admin.cloned())) {
                    Err(denial) => denial.into(),
                    Ok(()) => Cause::insufficient_scope(
                        "",
                        missing.iter().map(|scope| scope.as_str()),
                        missing.iter().map(|scope| scope.as_str()),
                    )
                    .into(),
                }
            }
            OrgError::Insufficient { .. } | OrgError::Ownership => {
                ApiError::new(ErrorCode::InsufficientScope, error.to_string()).into()
            }
            OrgError::NotFound => ApiError::not_found("organisation or member").into(),
            OrgError::NoAccount => ApiError::not_found("account of this address").into(),
            OrgError::AlreadyMember
            | OrgError::LastOwner
            | OrgError::TooMany
            | OrgError::TooManyOfPerson => ApiError::conflict(error.to_string()).into(),
            OrgError::RateLimited { retry_after } => Cause::RateLimited {
                retry_after: Some(retry_after),
            }
            .into(),
            OrgError::Ended => Cause::InvalidToken.into(),
            OrgError::Unavailable(error) => ApiError::unavailable(error).into(),
            error => ApiError::internal(error).into(),
        }
    }
}

fn shown(orgs: &[Membership], active: &Owner) -> Response {
    let organizations = orgs.iter().map(|membership| OrgBody {
        id: membership.org.id.as_str(),
        name: &membership.org.name,
        slug: &membership.org.slug,
        created_at: membership.org.created_at,
        role: membership.role.as_str(),
    });
    Data(OrgsBody {
        organizations: organizations.collect(),
        active_org_id: active.as_str(),
    })
    .into_response()
}

impl<'a> MemberBody<'a> {
    fn of(member: &'a Member) -> Self {
        Self {
            id: member.account.id.as_str(),
            email: member.account.email.as_str(),
            name: &member.account.name,
            role: member.role.as_str(),
        }
    }
}

/// What is no name is the name of nobody.
fn user(id: AnyPath) -> Result<User, OrgError> {
    let id = id.ok().and_then(|Path(id)| id.parse().ok());
    id.ok_or(OrgError::NotFound)
}
