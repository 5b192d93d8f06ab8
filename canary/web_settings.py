"""The section of the settings for the dashboard: where it listens, and whom it believes and serves."""

from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

from canary.model.networks import read_networks


class WebSettings(BaseModel):
    """The dashboard."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8025, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    url: str | None = Field(
        default=None, description="Its public address, for links in alerts; https makes cookies strict."
    )
    hosts: tuple[str, ...] = Field(
        default=(), description="Further names under which it may be asked for, beside the one in url."
    )
    proxies: tuple[str, ...] = Field(
        default=("127.0.0.1", "::1"), description="Networks of reverse proxies, whose X-Forwarded-For is believed."
    )
    connections: int = Field(default=1000, ge=10, description="Connections in all.")
    header_seconds: float = Field(default=10.0, gt=0, le=300, description="Seconds for the headers of a request.")

    @field_validator("url")
    @classmethod
    def _names_a_host(cls, url: str | None) -> str | None:
        if url is not None and not (url.startswith(("https://", "http://")) and urlsplit(url).hostname):
            raise ValueError("must begin with https:// or http:// and a name, such as https://canary.example")
        return url

    @field_validator("proxies")
    @classmethod
    def _are_networks(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        read_networks(names)
        return names
