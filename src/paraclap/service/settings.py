"""What an operator decides about a service: where it listens, what it allows, and how much it takes on."""

import ipaddress
import os

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


class ServiceSettings(BaseModel):
    """Hold the settings of a service.

    Attributes:
        model: folder or hub id; paraclap-mini if None.
        index: folder of an index to search, or its address.
        device: where the model runs.
        dtype: how it computes.
        host: address to listen at.
        port: to listen at; 0 takes any that is free.
        api_keys: one of which each request must bring; none are asked for if there are none.
        allow_origins: of pages on other servers whose scripts may ask this one.
        allow_hosts: names under which a service on loopback and without keys is known, beside those of loopback.
        players: whether recordings of the index may be listened to.
        max_bytes: of one upload.
        max_duration: of one upload, in s.
        max_queries: sentences in one request.
        max_query_length: characters of a sentence.
        max_hits: of one search.
        max_batch: requests whose audio is encoded together; 1 never shares a batch.
        max_delay: s that a request waits for others to share its batch with.
        queue_size: requests that are worked on or wait; more are answered 503.
        long_queue_size: of these, those with audio above 30 s.
        upload_timeout: s in which the body of a request must be here.
        decoders: processes that decode audio.
        decoding_timeout: s that decoding a file, or a window of it, may take.
        decoding_memory: bytes that a decoder may use.
        grace: s that what is in flight gets when the service is stopped.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str | None = None
    index: str | None = None
    device: str | None = None
    dtype: str | None = None
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65_535)
    api_keys: tuple[SecretStr, ...] = ()
    allow_origins: tuple[str, ...] = ()
    allow_hosts: tuple[str, ...] = ()
    players: bool = False
    max_bytes: int = Field(50 * 2**20, ge=1)
    max_duration: float = Field(3600.0, gt=0)
    max_queries: int = Field(64, ge=1)
    max_query_length: int = Field(500, ge=1)
    max_hits: int = Field(100, ge=1)
    max_batch: int = Field(16, ge=1)
    max_delay: float = Field(0.01, ge=0, le=1)
    queue_size: int = Field(64, ge=1)
    long_queue_size: int = Field(8, ge=1)
    upload_timeout: float = Field(60.0, gt=0)
    decoders: int = Field(default_factory=lambda: min(4, os.cpu_count() or 1), ge=1)
    decoding_timeout: float = Field(10.0, gt=0)
    decoding_memory: int = Field(2**30, ge=2**28)
    grace: int = Field(30, ge=0)

    @field_validator("api_keys")
    @classmethod
    def _check_keys(cls, keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if any(len(key.get_secret_value()) < 16 or not key.get_secret_value().isascii() for key in keys):
            raise ValueError("an API key is shorter than 16 characters or not ASCII; expected a long random one")
        return keys

    @property
    def is_local(self) -> bool:
        """Whether nobody beyond this machine can reach the service."""
        if self.host in _LOCAL_NAMES:
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def known_hosts(self) -> frozenset[str] | None:
        """Names that requests may address; None if any will do.

        A page that a browser shows from elsewhere may point its own name to this machine, and would be let in by
        whoever listens on loopback only. Keys, which such a page has not, keep it out too.
        """
        if self.api_keys or not self.is_local:
            return None
        return _LOCAL_NAMES | {self.host} | set(self.allow_hosts)
