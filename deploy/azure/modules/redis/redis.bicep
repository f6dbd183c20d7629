metadata description = 'The store: Azure Managed Redis, kept on disk, with Entra ID and without access keys.'

param name string
param location string
param tags object
param sku string

@description('Subnet of the private endpoint; empty opens it to the Internet, with Entra ID in front.')
param subnetId string
param dnsZoneId string
param workersPrincipalId string
param botPrincipalId string

@description('Rights by key family instead of full access for both; by a preview of the service.')
param accessStrings bool
param workspaceId string

resource cluster 'Microsoft.Cache/redisEnterprise@2025-07-01' = {
  name: name
  location: location
  tags: tags
  sku: {
    name: sku
  }
  properties: {
    minimumTlsVersion: '1.2'
    highAvailability: 'Enabled'
    publicNetworkAccess: subnetId == '' ? 'Enabled' : 'Disabled'
  }
}

resource database 'Microsoft.Cache/redisEnterprise/databases@2025-07-01' = {
  parent: cluster
  name: 'default'
  properties: {
    accessKeysAuthentication: 'Disabled'
    clientProtocol: 'Encrypted'
    port: 10000
    clusteringPolicy: 'OSSCluster'
    // Open approvals must never be thrown away for want of memory.
    evictionPolicy: 'NoEviction'
    persistence: {
      aofEnabled: true
      aofFrequency: '1s'
      rdbEnabled: false
    }
  }
}

module access 'access.bicep' = if (!accessStrings) {
  name: 'startgate-redis-access'
  params: {
    redisName: cluster.name
    databaseName: database.name
    workersPrincipalId: workersPrincipalId
    botPrincipalId: botPrincipalId
  }
}

module rights 'rights.bicep' = if (accessStrings) {
  name: 'startgate-redis-rights'
  params: {
    redisName: cluster.name
    databaseName: database.name
    workersPrincipalId: workersPrincipalId
    botPrincipalId: botPrincipalId
  }
}

module endpoint '../private-endpoint.bicep' = if (subnetId != '') {
  name: 'startgate-redis-endpoint'
  params: {
    name: 'pe-${name}'
    location: location
    tags: tags
    subnetId: subnetId
    resourceId: cluster.id
    part: 'redisEnterprise'
    dnsZoneId: dnsZoneId
  }
}

resource kept 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: database
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        categoryGroup: 'allLogs'
        enabled: true
      }
    ]
  }
}

output id string = cluster.id
output url string = 'rediss+cluster://${cluster.properties.hostName}:10000'
