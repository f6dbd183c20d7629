metadata description = 'Where the audit is copied, and where nobody overwrites or deletes it.'

param name string
param location string
param tags object

@description('Subnet of the private endpoint; empty for none.')
param subnetId string

@description('Disabled with a private endpoint, Enabled without: Entra ID alone stands in front then.')
param publicAccess string

param dnsZoneId string
param workersPrincipalId string

@description('Days for which a copy can be neither overwritten nor deleted.')
param days int

// Storage Blob Data Contributor: https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/storage
var blobContributor = 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'

resource account 'Microsoft.Storage/storageAccounts@2023-05-01' = {
  // checkov:skip=CKV_AZURE_59: closed by default; opened only with privateNetwork=false, which says so
  // checkov:skip=CKV_AZURE_35: the same
  // checkov:skip=CKV_AZURE_206: over zones, not over regions: the audit names people, and stays where they are
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: {
    name: 'Standard_ZRS'
  }
  properties: {
    allowBlobPublicAccess: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: publicAccess
    networkAcls: {
      defaultAction: publicAccess == 'Enabled' ? 'Allow' : 'Deny'
      bypass: 'None'
    }
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2023-05-01' = {
  parent: account
  name: 'default'
  properties: {
    containerDeleteRetentionPolicy: {
      enabled: true
      days: 14
    }
    deleteRetentionPolicy: {
      enabled: true
      days: 14
    }
  }
}

resource container 'Microsoft.Storage/storageAccounts/blobServices/containers@2023-05-01' = {
  parent: blobs
  name: 'audit'
  properties: {
    publicAccess: 'None'
  }
}

// Not locked: that can't be taken back, and is a person's decision. deploy/README.md says how.
resource unchanged 'Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies@2023-05-01' = {
  parent: container
  name: 'default'
  properties: {
    immutabilityPeriodSinceCreationInDays: days
    allowProtectedAppendWrites: false
  }
}

resource right 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(container.id, 'workers', blobContributor)
  scope: container
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobContributor)
    principalId: workersPrincipalId
    principalType: 'ServicePrincipal'
  }
}

module endpoint 'private-endpoint.bicep' = if (subnetId != '') {
  name: 'startgate-archive-endpoint'
  params: {
    name: 'pe-${name}'
    location: location
    tags: tags
    subnetId: subnetId
    resourceId: account.id
    part: 'blob'
    dnsZoneId: dnsZoneId
  }
}

output url string = '${account.properties.primaryEndpoints.blob}${container.name}'
