"""Logins: the IAM SDK, the SDK core's own discovery of project and domain, and Keystone as plain callers use it."""

import json

import pytest
from huaweicloudsdkcore.auth.credentials import BasicCredentials, GlobalCredentials
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException
from huaweicloudsdkcore.region.region import Region
from huaweicloudsdkdis.v2 import DisClient
from huaweicloudsdkdis.v2 import model as m
from huaweicloudsdkiam.v3 import IamClient
from huaweicloudsdkiam.v3 import model as iam


@pytest.fixture
def iam_client(server, credentials):
    keys = GlobalCredentials(credentials["access_key"], credentials["secret_key"], credentials["domain_id"])
    return IamClient.new_builder().with_credentials(keys).with_endpoint(server.endpoint).build()


def test_project_discovery(server, credentials):
    """With a region and no project id the core asks the IAM endpoint for the project named as the region."""
    keys = BasicCredentials(credentials["access_key"], credentials["secret_key"]).with_iam_endpoint(server.endpoint)
    client = (
        DisClient.new_builder()
        .with_credentials(keys)
        .with_region(Region(credentials["project_name"], server.endpoint))
        .build()
    )
    assert client.list_streams(m.ListStreamsRequest()).status_code == 200
    assert keys.project_id == credentials["project_id"]


def test_project_discovery_by_environment(server, credentials, monkeypatch):
    monkeypatch.setenv("HUAWEICLOUD_SDK_IAM_ENDPOINT", server.endpoint)
    keys = BasicCredentials(credentials["access_key"], credentials["secret_key"])
    client = (
        DisClient.new_builder()
        .with_credentials(keys)
        .with_region(Region(credentials["project_name"], server.endpoint))
        .build()
    )
    assert client.list_streams(m.ListStreamsRequest()).status_code == 200


def test_project_discovery_unknown_region(server, credentials):
    keys = BasicCredentials(credentials["access_key"], credentials["secret_key"]).with_iam_endpoint(server.endpoint)
    with pytest.raises(Exception) as failure:
        DisClient.new_builder().with_credentials(keys).with_region(
            Region("nowhere-1", server.endpoint)
        ).build().list_streams(m.ListStreamsRequest())
    assert "project" in str(failure.value).lower()


def test_domain_discovery(server, credentials):
    """Global credentials without a domain id ask for it."""
    keys = GlobalCredentials(credentials["access_key"], credentials["secret_key"]).with_iam_endpoint(server.endpoint)
    client = IamClient.new_builder().with_credentials(keys).with_region(Region("any-1", server.endpoint)).build()
    assert client.keystone_list_auth_projects(iam.KeystoneListAuthProjectsRequest()).status_code == 200
    assert keys.domain_id == credentials["domain_id"]


def test_list_auth_projects(iam_client, credentials):
    projects = iam_client.keystone_list_auth_projects(iam.KeystoneListAuthProjectsRequest()).projects
    assert (credentials["project_id"], credentials["project_name"]) in [(p.id, p.name) for p in projects]


def test_list_projects(iam_client, credentials):
    ask = lambda name: iam_client.keystone_list_projects(iam.KeystoneListProjectsRequest(name=name)).projects
    assert [p.id for p in ask(credentials["project_name"])] == [credentials["project_id"]]
    assert ask("no-such-project") == []


def test_list_auth_domains(iam_client, credentials):
    domains = iam_client.keystone_list_auth_domains(iam.KeystoneListAuthDomainsRequest()).domains
    assert [(d.id, d.name) for d in domains] == [(credentials["domain_id"], credentials["domain_name"])]


def password_body(credentials, scope):
    user = iam.PwdPasswordUser(
        domain=iam.PwdPasswordUserDomain(name=credentials["domain_name"]),
        name=credentials["user_name"],
        password=credentials["password"],
    )
    identity = iam.PwdIdentity(methods=["password"], password=iam.PwdPassword(user=user))
    return iam.KeystoneCreateUserTokenByPasswordRequestBody(auth=iam.PwdAuth(identity=identity, scope=scope))


def test_token_by_password(iam_client, api, credentials):
    scope = iam.AuthScope(project=iam.AuthScopeProject(name=credentials["project_name"]))
    answer = iam_client.keystone_create_user_token_by_password(
        iam.KeystoneCreateUserTokenByPasswordRequest(body=password_body(credentials, scope))
    )
    assert answer.status_code == 201 and answer.token.project.id == credentials["project_id"]
    assert any(entry.type == "dis" for entry in answer.token.catalog)
    api.token = answer.x_subject_token
    api.ok("GET", "/v2/{p}/streams")


def test_token_by_password_domain_scope(iam_client, credentials):
    scope = iam.AuthScope(domain=iam.AuthScopeDomain(name=credentials["domain_name"]))
    answer = iam_client.keystone_create_user_token_by_password(
        iam.KeystoneCreateUserTokenByPasswordRequest(body=password_body(credentials, scope))
    )
    assert answer.status_code == 201 and answer.x_subject_token
    assert answer.token.project is None and answer.token.user.domain.id == credentials["domain_id"]


def test_validate_token(iam_client, api, credentials):
    token = api.login().token
    answer = iam_client.keystone_validate_token(iam.KeystoneValidateTokenRequest(x_subject_token=token))
    assert answer.status_code == 200
    assert answer.token.project.id == credentials["project_id"] and answer.token.user.name == credentials["user_name"]


def test_wrong_password(iam_client, credentials):
    scope = iam.AuthScope(project=iam.AuthScopeProject(name=credentials["project_name"]))
    wrong = {**credentials, "password": credentials["password"] + "x"}
    with pytest.raises(ClientRequestException) as failure:
        iam_client.keystone_create_user_token_by_password(
            iam.KeystoneCreateUserTokenByPasswordRequest(body=password_body(wrong, scope))
        )
    assert failure.value.status_code == 401


def test_token_by_token(api, credentials):
    """Keystone's method "token": a scoped token from another one."""
    body = {
        "auth": {
            "identity": {"methods": ["token"], "token": {"id": api.login().token}},
            "scope": {"project": {"id": credentials["project_id"]}},
        }
    }
    answer = api.send("POST", "/v3/auth/tokens", json.dumps(body).encode(), {"Content-Type": "application/json"})
    assert answer.status == 201, answer
    api.token = answer.headers["X-Subject-Token"]
    api.ok("GET", "/v2/{p}/streams")


def test_token_without_catalog(api, credentials):
    user = {
        "name": credentials["user_name"],
        "password": credentials["password"],
        "domain": {"name": credentials["domain_name"]},
    }
    body = {
        "auth": {
            "identity": {"methods": ["password"], "password": {"user": user}},
            "scope": {"project": {"name": credentials["project_name"], "domain": {"name": credentials["domain_name"]}}},
        }
    }
    answer = api.send(
        "POST", "/v3/auth/tokens?nocatalog=true", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    assert answer.status == 201 and not answer.json["token"].get("catalog")


def test_catalog_names_the_server_without_a_version(api, server, credentials):
    catalog = api.ok("GET", "/v3/auth/catalog")["catalog"]
    endpoints = [e for entry in catalog if entry["type"] == "dis" for e in entry["endpoints"]]
    public = [e for e in endpoints if e["interface"] == "public" and e["region"] == credentials["region"]]
    assert len(public) == 1 and public[0]["url"].rstrip("/") == server.endpoint


def test_version_discovery(api):
    answer = api.send("GET", "/")
    assert answer.status in (200, 300)
    version = answer.json["versions"]["values"][0]
    assert "v3" in version["id"] and version["status"] in ("current", "supported", "stable")
    assert [link["rel"] for link in version["links"]] == ["self"]


def test_projects_are_apart(server, api, credentials, stream):
    """A token reaches its own project only, whatever the path or the header says."""
    chosen = stream(1)
    foreign = api.call("GET", f"/v2/{'f' * 32}/streams/{chosen}")
    assert (foreign.status, foreign.json["errorCode"]) == (400, "DIS.4117")
    differing = api.call("GET", f"/v2/{{p}}/streams/{chosen}", headers={"X-Project-Id": "f" * 32})
    assert (differing.status, differing.json["errorCode"]) == (400, "DIS.4117")
