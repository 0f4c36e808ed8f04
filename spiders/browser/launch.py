"""What Chromium is started with, so that a page reaches the proxy and nothing else: flags, preferences, environment."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

# the cache of pages left behind would hold 20 MB more with every page; prerendered pages are in no log
_OFF = (
    "BackForwardCache,SpareRendererForSitePerProcess,OptimizationHints,MediaRouter,Translate,Prerender2,"
    "WebRtcHideLocalIpsWithMdns,DialMediaRouteProvider,AsyncDns"
)
_PROXY = "proxy.scrapbag.invalid"  # the only name that Chromium resolves
_FLAGS = (
    "--headless=new",
    "--remote-debugging-pipe",  # Chromium ends when the driver's end of the pipe does; a port would keep it alive
    "--proxy-bypass-list=<-loopback>",  # loopback goes through the proxy as well
    # what does not go through the proxy finds no host, not even one that is written as an address
    f"--host-resolver-rules=MAP {_PROXY} 127.0.0.1, MAP * ~NOTFOUND",
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",  # its name before Chromium 135
    "--disable-quic",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-domain-reliability",
    f"--disable-features={_OFF}",
    "--no-default-browser-check",
    "--no-first-run",
    "--no-pings",
    "--mute-audio",
    "--renderer-process-limit=1",
    "--window-size=1280,2000",
)
_NEVER = 2  # of a content setting: block; of predictions: none; of WebRTC's policy see above
_ENV = ("PATH", "LANG", "LANGUAGE", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "FONTCONFIG_PATH", "SYSTEMROOT")


def flags(profile: Path, proxy_port: int, user_agent: str) -> list[str]:
    """The command line of a browser that keeps its files in `profile`."""
    own = [f"--proxy-server=http://{_PROXY}:{proxy_port}", f"--user-agent={user_agent}", f"--user-data-dir={profile}"]
    return [*_FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else []), *own]


def preferences(profile: Path) -> dict[str, Any]:
    """Its settings: no pictures, no downloads, no UDP past the proxy, no pop-ups, no guessing ahead."""
    return {
        "profile.managed_default_content_settings.images": _NEVER,
        "profile.managed_default_content_settings.popups": _NEVER,
        "profile.managed_default_content_settings.notifications": _NEVER,
        "profile.managed_default_content_settings.geolocation": _NEVER,
        "profile.managed_default_content_settings.automatic_downloads": _NEVER,
        "download_restrictions": 3,  # none at all
        "download.default_directory": str(profile / "downloads"),
        "savefile.default_directory": str(profile / "downloads"),
        "download.prompt_for_download": False,
        "net.network_prediction_options": _NEVER,
        "webrtc.ip_handling_policy": "disable_non_proxied_udp",
        "webrtc.multiple_routes_enabled": False,
        "webrtc.nonproxied_udp_enabled": False,
    }


def environment(profile: Path) -> dict[str, str]:
    """Its environment: no key of the user's, and a home of its own."""
    home = profile / "home"
    (profile / "tmp").mkdir(exist_ok=True)
    home.mkdir(exist_ok=True)
    folders = {"HOME": home, "TMPDIR": profile / "tmp", "XDG_CONFIG_HOME": home, "XDG_CACHE_HOME": home}
    folders |= {"XDG_DATA_HOME": home, "XDG_DOWNLOAD_DIR": profile / "downloads"}
    kept = {name: os.environ[name] for name in _ENV if name in os.environ}
    return kept | {name: str(folder) for name, folder in folders.items()} | {"SE_OFFLINE": "true"}
