metadata description = 'Where the containers run.'

param name string
param location string
param tags object

@description('Subnet of the containers; empty leaves them in a network of the platform.')
param subnetId string

@description('No address that the Internet could reach.')
param internal bool
param zoneRedundant bool
param workspaceId string

resource platform 'Microsoft.App/managedEnvironments@2025-01-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    zoneRedundant: zoneRedundant
    vnetConfiguration: subnetId == '' ? null : { infrastructureSubnetId: subnetId, internal: internal }
    workloadProfiles: [
      {
        name: 'Consumption'
        workloadProfileType: 'Consumption'
      }
    ]
    // By diagnostic settings below: that needs no key of the workspace.
    appLogsConfiguration: {
      destination: 'azure-monitor'
    }
    peerAuthentication: {
      mtls: {
        enabled: true
      }
    }
  }
}

resource kept 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: platform
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

output id string = platform.id
