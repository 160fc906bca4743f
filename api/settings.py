"""What a user sets by environment variables `CELLKIN_…`."""

from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

from platformdirs import user_cache_path, user_data_path
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from ingest.errors import InputError

if TYPE_CHECKING:
    from graph.connection import Credentials

URI_SCHEMES = ("bolt", "bolt+s", "bolt+ssc", "neo4j", "neo4j+s", "neo4j+ssc")
EVERY_INTERFACE = ("0.0.0.0", "::")  # noqa: S104 - compared with, not bound to
LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")
MIN_TOKEN = 32
MAX_GB = 1_000_000
"""A petabyte: more than any data folder has."""
MAX_DAYS = 36_500
"""A century: when an upload is swept must still be a date."""


class Auth(StrEnum):
    """When the service needs a token."""

    REQUIRED = "required"
    LOOPBACK_OPEN = "loopback-open"


class LogFormat(StrEnum):
    """How the service writes its log."""

    CONSOLE = "console"
    JSON = "json"


class Settings(BaseSettings):
    """The settings of one cellkin; `CELLKIN_DATA_FOLDER` sets `data_folder`, and so on.

    Attributes:
        data_folder: label images, tables and the managed Neo4j live here.
        cache_folder: what can be fetched or made again: Neo4j's jars, and their classes as Java keeps them.
        neo4j_uri: a Neo4j of the user's own (`bolt://…`, `neo4j+s://…`); None for the managed one.
        neo4j_user, neo4j_password: its login; the managed server has its own.
        neo4j_database: name of the database in it; None for the user's home database.
        host, port: where the service listens; on loopback unless told otherwise.
        tables_gb: most that the files made from trackings may take of the data folder, GB; up to `MAX_GB`.
        allowed_hosts: further names by which a browser may address the service; `*` for any.
        auth: whether a service that listens on loopback needs tokens; elsewhere, and where it has further
            names, it always does.
        admin_token: one more token, with every scope, that the database need not know.
        allowed_origins: pages elsewhere that may ask the service, such as `https://lab.example.org`.
        log_format: of the service's log on standard error.
        upload_bytes: bytes of the largest upload.
        uploads_total: bytes of all uploads together.
        upload_days: days after which an upload that nothing touched is removed; up to `MAX_DAYS`.
        queue: jobs that may wait at a time.
        workers: processes of the service that do jobs, one each at a time; 0 leaves them to `cellkin worker`.

    Raises:
        InputError: a value is not allowed; names the variable.
    """

    model_config = SettingsConfigDict(env_prefix="CELLKIN_", frozen=True, extra="ignore")

    data_folder: Path = Field(default_factory=lambda: user_data_path("cellkin"))
    cache_folder: Path = Field(default_factory=lambda: user_cache_path("cellkin"))
    neo4j_uri: str | None = None
    neo4j_user: str = "neo4j"
    neo4j_password: SecretStr | None = None
    neo4j_database: str | None = None
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    tables_gb: float = Field(default=10.0, ge=0, le=MAX_GB)
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    auth: Auth = Auth.LOOPBACK_OPEN
    admin_token: SecretStr | None = None
    allowed_origins: Annotated[tuple[str, ...], NoDecode] = ()
    log_format: LogFormat = LogFormat.CONSOLE
    upload_bytes: int = Field(default=20 * 2**30, ge=1)
    uploads_total: int = Field(default=100 * 2**30, ge=1)
    upload_days: float = Field(default=7.0, gt=0, le=MAX_DAYS)
    queue: int = Field(default=100, ge=1)
    workers: int = Field(default=1, ge=0, le=64)

    def __init__(self, **values: Any) -> None:  # noqa: ANN401 - as pydantic has it
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise _bad_value(error) from error

    @classmethod
    def with_address(cls, host: str | None, port: int | None) -> Self:
        """The settings, with the address that a command was given; None leaves it as set."""
        given = {"host": host, "port": port}
        return cls(**{name: value for name, value in given.items() if value is not None})

    @property
    def credentials(self) -> "Credentials":
        """Address and login of the user's own Neo4j.

        Raises:
            InputError: there is none, or its password is not set.
        """
        from graph.connection import Credentials  # the driver: `cellkin --help` needs none

        if self.neo4j_uri is None or self.neo4j_password is None:
            missing = "CELLKIN_NEO4J_URI" if self.neo4j_uri is None else "CELLKIN_NEO4J_PASSWORD"
            raise InputError(
                f"{missing} is not set", remedy="set it, or use the managed Neo4j by setting neither"
            )
        return Credentials(
            self.neo4j_uri, self.neo4j_user, self.neo4j_password.get_secret_value(), self.neo4j_database
        )

    @property
    def tokens_required(self) -> bool:
        """Whether nobody gets in without a token: it is set so, or other machines are to reach it."""
        return self.auth is Auth.REQUIRED or bool(self.allowed_hosts) or not _is_loopback(self.host)

    @property
    def tables_limit(self) -> int:
        """`tables_gb` in bytes."""
        return round(self.tables_gb * 1e9)

    @property
    def base_url(self) -> str:
        """Address of the service for a browser on this machine."""
        host = "localhost" if self.host in EVERY_INTERFACE else self.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @field_validator("data_folder", "cache_folder")
    @classmethod
    def _whole_path(cls, folder: Path) -> Path:
        return folder.expanduser().absolute()

    @field_validator("neo4j_uri")
    @classmethod
    def _known_scheme(cls, uri: str | None) -> str | None:
        if uri and uri.partition("://")[0] not in URI_SCHEMES:
            raise ValueError(f"begin it with one of {', '.join(f'{s}://' for s in URI_SCHEMES)}")
        return uri or None

    @field_validator("allowed_hosts", "allowed_origins", mode="before")
    @classmethod
    def _names(cls, names: object) -> object:
        """`a,b` from the environment."""
        if not isinstance(names, str):
            return names
        return tuple(name.strip() for name in names.split(",") if name.strip())

    @field_validator("allowed_hosts")
    @classmethod
    def _whole_names(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        for host in hosts:
            if "*" in host.removeprefix("*.") and host != "*":
                raise ValueError(f"{host!r} is no name; write *.lab.org for all names below lab.org")
        return hosts

    @field_validator("allowed_origins")
    @classmethod
    def _whole_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            if origin.partition("://")[0] not in ("http", "https") or origin.count("/") != 2:
                raise ValueError(f"{origin!r} is no origin; write it as https://lab.example.org")
        return origins

    @field_validator("admin_token")
    @classmethod
    def _long_enough(cls, token: SecretStr | None) -> SecretStr | None:
        if token is None or not token.get_secret_value():
            return None
        if len(token.get_secret_value()) < MIN_TOKEN or not token.get_secret_value().isascii():
            raise ValueError(f"use at least {MIN_TOKEN} random ASCII characters: openssl rand -hex 32")
        return token


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:  # a name
        return host == "localhost"


def _bad_value(error: ValidationError) -> InputError:
    """The first complaint, without the value of a password."""
    first = error.errors()[0]
    name = f"CELLKIN_{str(first['loc'][0]).upper()}"
    shown = "" if "PASSWORD" in name or "TOKEN" in name else f"{str(first['input'])!r} is not allowed: "
    return InputError(
        f"{shown}{first['msg'].removeprefix('Value error, ')}",
        place=name,
        remedy="correct the variable, or unset it for the default",
    )
