# docker build --tag ambrosio .        (for amd64 and arm64; every package comes as a wheel for both)
# The extra llama is llama.cpp, for LLAMA_GGUF. The extra media is FFmpeg, with x264 under the GPL,
# and PDFium. --build-arg EXTRAS="" leaves both out.
ARG PYTHON=3.13-slim-bookworm

FROM python:${PYTHON} AS build
ARG EXTRAS="llama,media"
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY prompts prompts
COPY ambrosio ambrosio
# There is no compiler here: a package without a wheel fails at once.
RUN python -m venv /opt/ambrosio \
 && /opt/ambrosio/bin/pip install --no-cache-dir --only-binary xllamacpp,av,pillow,pillow-heif,pypdfium2,pyromark \
      ".${EXTRAS:+[$EXTRAS]}"

FROM python:${PYTHON}
LABEL org.opencontainers.image.title="Ambrosio" \
      org.opencontainers.image.description="A personal assistant in Telegram" \
      org.opencontainers.image.licenses="MIT"
# llama.cpp is linked against OpenMP, which the slim image lacks.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends libgomp1 \
 && rm -rf /var/lib/apt/lists/*
RUN groupadd --gid 10001 ambrosio \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data \
      --shell /usr/sbin/nologin ambrosio \
 && install --directory --mode 700 --owner ambrosio --group ambrosio /data
COPY --from=build /opt/ambrosio /opt/ambrosio
# Nothing is written outside of /data and /tmp, so the root may be read-only. A bot that hears
# nothing from Telegram ends itself: Docker restarts no container for being unhealthy.
ENV PATH=/opt/ambrosio/bin:$PATH \
    HOME=/data \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    AMBROSIO_DATA_DIR=/data \
    AMBROSIO_EXIT_AFTER_MINUTES=10 \
    CONTAINER_COMMAND="docker compose exec ambrosio ambrosio"
# A number, so that Kubernetes can tell that it is not root.
USER 10001:10001
# An ambrosio.toml is looked for here.
WORKDIR /data
VOLUME /data
HEALTHCHECK --interval=60s --timeout=10s --start-period=120s --retries=2 \
  CMD ["ambrosio", "health"]
ENTRYPOINT ["ambrosio"]
CMD ["run"]
