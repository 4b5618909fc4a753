# docker build --tag ambrosio .
# With llama.cpp inside: docker build --build-arg EXTRAS=media,llama --tag ambrosio .
# The extra media holds FFmpeg, with x264 and x265 under the GPL; EXTRAS="" leaves it out.
ARG PYTHON=3.13

FROM python:${PYTHON}-slim AS build
ARG EXTRAS="media"
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY prompts prompts
COPY ambrosio ambrosio
RUN python -m venv /opt/ambrosio \
 && /opt/ambrosio/bin/pip install --no-cache-dir ".${EXTRAS:+[$EXTRAS]}"

FROM python:${PYTHON}-slim
ARG EXTRAS="media"
# llama.cpp is linked against OpenMP, which the slim image lacks.
RUN case ",$EXTRAS," in *,llama,*) \
      apt-get update \
      && apt-get install --yes --no-install-recommends libgomp1 \
      && rm -rf /var/lib/apt/lists/* ;; \
    esac
RUN useradd --system --uid 10001 --user-group --no-create-home --home-dir /data ambrosio \
 && install --directory --mode 700 --owner ambrosio --group ambrosio /data
COPY --from=build /opt/ambrosio /opt/ambrosio
ENV PATH=/opt/ambrosio/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    AMBROSIO_DATA_DIR=/data \
    CONTAINER_COMMAND="docker compose exec ambrosio ambrosio"
USER ambrosio
# An ambrosio.toml is looked for here.
WORKDIR /data
VOLUME /data
# `alive` is touched whenever Telegram was heard, once a minute at least.
HEALTHCHECK --interval=60s --timeout=10s --start-period=120s \
  CMD ["python", "-c", "import os, sys, time; sys.exit(time.time() - os.stat('/data/alive').st_mtime > 180)"]
ENTRYPOINT ["ambrosio"]
CMD ["run"]
