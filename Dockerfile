FROM mcr.microsoft.com/dotnet/sdk:10.0 AS build
WORKDIR /source
COPY global.json Directory.Build.props Directory.Packages.props .editorconfig ./
COPY src src
RUN dotnet publish src/Api -c Release -o /app

FROM mcr.microsoft.com/dotnet/aspnet:10.0
COPY --from=build /app /app
RUN ln -s /app/Matrix.EventSourced.Api /usr/local/bin/matrix \
    && useradd --system --home-dir /data --shell /usr/sbin/nologin matrix \
    && mkdir -m 711 /data && chown matrix:matrix /data
USER matrix
VOLUME /data
EXPOSE 8008 8448
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s \
    CMD ["matrix", "health", "--client-listen", "http://127.0.0.1:8008", "--data", "/data"]
ENTRYPOINT ["matrix"]
CMD ["run", "--data", "/data"]
