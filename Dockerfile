FROM python:3.13-slim AS build
RUN pip install --no-cache-dir uv==0.13.9
WORKDIR /src
COPY . .
RUN uv sync --frozen --no-editable --extra postgres --extra apprise --extra uvloop --no-python-downloads

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /data canary && install -d -o canary -g canary -m 700 /data
COPY --from=build /src/.venv /src/.venv
ENV PATH=/src/.venv/bin:$PATH CANARY_DATA=/data CANARY_CONFIG=/data/canary.toml \
    CANARY_SMTP__HOST=0.0.0.0 CANARY_WEB__HOST=0.0.0.0 PYTHONDONTWRITEBYTECODE=1
USER canary
VOLUME /data
EXPOSE 2525 8025
HEALTHCHECK --interval=30s --timeout=15s --start-period=20s CMD ["canary", "doctor"]
CMD ["canary", "up"]
