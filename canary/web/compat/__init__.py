"""The interfaces of alias services, for the password managers and extensions that speak them; `ALIAS_SERVICES` lists them."""

from canary.web.compat.addy import AddyApi
from canary.web.compat.simplelogin import SimpleLoginApi
from canary.web.rendering import PageModule

ALIAS_SERVICES: tuple[type[PageModule], ...] = (SimpleLoginApi, AddyApi)
